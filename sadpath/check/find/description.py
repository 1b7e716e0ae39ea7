"""Read an OpenAPI description, and what it refers to below its own address or folder, as one document.

A description is a stranger's: it may be endless, nested without end, or refer to files and hosts that are none of its
business. What is read here is bounded, is plain JSON, and its references lead into the document itself.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import yaml

from sadpath.check.driver import fetch
from sadpath.check.find.safe import changes_something
from sadpath.files import open_regular

MOST_BYTES = 32 << 20
"""Of a description and all that it refers to."""

MOST_BYTES_OF_YAML = 8 << 20
"""YAML takes many times as long to read as JSON."""

MOST_CONTAINERS = 1_000_000
"""Brackets in JSON: each may be an object that takes a hundred times its bytes."""

MOST_VALUES = 3_000_000
"""In a description and all that it refers to, with what YAML's aliases repeat; a long text counts for several."""

COUNTS_AS_ONE = 100
"""Characters of a text."""

DEEPEST = 200
LONGEST_NUMBER = 4096
"""Bits."""
MOST_DOCUMENTS = 200
READS_WITHIN_S = 30.0
"""A description that was named, and all that it refers to."""

ELSEWHERE = "x-sadpath-documents"
"""Where the document has those that it refers to, by number."""

LEFT_OUT = f"#/{ELSEWHERE}/left-out"
"""A reference that leads nowhere, in place of one that is not followed: what needs it is left out."""

NAMED = 3
"""Of what was left out, and is named in a note."""

DROPPED = {
    "$schema",
    "$self",
    "$id",
    "$dynamicRef",
    "$recursiveRef",
    "jsonSchemaDialect",
    "externalValue",
    "operationRef",
}
"""Keys whose text may name another document, and that no request is made from."""

REFERENCE = "$ref"
BOOL, TIMESTAMP, VALUE = (f"tag:yaml.org,2002:{name}" for name in ("bool", "timestamp", "value"))
MIB = 1 << 20


class Place(Protocol):
    """Where a description is. `address` is its own; whatever is read is below that."""

    address: str

    def below(self, base: str, reference: str) -> str | None:
        """Return the address of what the document at `base` refers to; None where that is not below our own."""
        ...

    def read(self, address: str, most_bytes: int, within_s: float) -> bytes:
        """Return what is there. Raises `OSError` with the reason in one line."""
        ...


class Web:
    """A description at an address, which is asked with these headers unless its `page` is there already."""

    def __init__(self, address: str, headers: Mapping[str, str], page: bytes | None = None) -> None:
        self.address, self._headers, self._page = address, headers, page

    def below(self, base: str, reference: str) -> str | None:
        """Return the address below the folder of our own; None for another, and for what no file would be named."""
        address = urljoin(base, reference)
        is_below = address.startswith(urljoin(self.address, "."))
        is_plain = reference.isascii() and reference.isprintable() and not set(reference) & set("%\\? ")
        return address if is_below and is_plain and not changes_something(reference) else None

    def read(self, address: str, most_bytes: int, within_s: float) -> bytes:
        """Ask for it; no redirect is followed."""
        if address == self.address and self._page is not None:
            return self._page
        return fetch(address, self._headers, most_bytes=most_bytes, within_s=within_s)


class Folder:
    """A description in a file."""

    def __init__(self, file: Path) -> None:
        self._folder = file.parent.resolve()
        self.address = str(self._folder / file.name)

    def below(self, base: str, reference: str) -> str | None:
        """Return the path of a file below the folder of our own; None for another, also behind a link."""
        parts = urlsplit(reference)
        file = (Path(base).parent / unquote(parts.path)).resolve()
        return None if parts.scheme or parts.netloc or not file.is_relative_to(self._folder) else str(file)

    def read(self, address: str, most_bytes: int, within_s: float) -> bytes:  # noqa: ARG002 - a file does not wait
        """Read a regular file."""
        with open_regular(address) as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise OSError(f"larger than {most_bytes / MIB:.0f} MiB")
        return content


class Description:
    """One document of plain JSON from all that a description consists of, and `notes` on what was left out of it.

    Raises `OSError` where the description itself cannot be read, and `ValueError` where it is no document, or too large
    a one.
    """

    def __init__(self, place: Place, within_s: float = READS_WITHIN_S) -> None:
        self.notes: list[str] = []
        self._place, self._until = place, time.monotonic() + within_s
        self._bytes_left, self._values_left = MOST_BYTES, MOST_VALUES
        self._numbers = {place.address: 0}
        self._unread: list[str] = []
        self._strangers: dict[str, None] = {}
        self.content = self._read(place.address)
        others = {}
        while self._unread:
            address = self._unread.pop(0)
            others[str(self._numbers[address])] = self._other(address)
        if others and isinstance(self.content, dict):
            self.content[ELSEWHERE] = others
        if self._strangers:
            self.notes.append(f"not followed, since they lead out of the description: {listed(list(self._strangers))}")

    def _read(self, address: str) -> Any:
        page = self._place.read(address, self._bytes_left, max(0.0, self._until - time.monotonic()))
        self._bytes_left -= len(page)
        return self._plain(parsed(page), address, DEEPEST)

    def _other(self, address: str) -> Any:
        try:
            return self._read(address)
        except OSError as error:
            self.notes.append(f"cannot read {address!r}, which the description refers to: {error.strerror or error}")
        except ValueError as error:
            self.notes.append(f"left out {address!r}, which the description refers to: {error}")
        return None

    def _plain(self, value: Any, address: str, levels: int) -> Any:
        """Return the same as JSON has it, and with references into the document; `address` is where it stands."""
        self._values_left -= 1 + (len(value) // COUNTS_AS_ONE if isinstance(value, str) else 0)
        if self._values_left < 0:
            raise ValueError(f"it has more than {MOST_VALUES:,} values")
        if not levels:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            return {
                self._plain(_text(key), address, levels - 1): self._reference(one, address)
                if key == REFERENCE and isinstance(one, str)
                else self._plain(one, address, levels - 1)
                for key, one in value.items()
                if not (key in DROPPED and isinstance(one, str))
            }
        if isinstance(value, list | tuple | set):
            return [self._plain(one, address, levels - 1) for one in value]
        if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:  # which Python does not write
            return hex(value)
        return value if isinstance(value, str | bool | int | None) or _is_finite(value) else _text(value)

    def _reference(self, reference: str, address: str) -> str:
        """Return the reference as one into the document; into nowhere where it leads out of what may be read."""
        to, fragment = urldefrag(reference) if "#" in reference else (reference, "")
        found = self._below(address, to) if to else address
        if found is None:
            self._strangers[reference] = None
            return LEFT_OUT
        if found not in self._numbers:
            if len(self._numbers) == MOST_DOCUMENTS:
                raise ValueError(f"it refers to more than {MOST_DOCUMENTS} documents")
            self._numbers[found] = len(self._numbers)
            self._unread.append(found)
        number = self._numbers[found]
        if not number or (fragment and not fragment.startswith("/")):  # a name, which is looked for in all of it
            return f"#{fragment}"
        return f"#/{ELSEWHERE}/{number}{fragment}"

    def _below(self, address: str, reference: str) -> str | None:
        try:
            return self._place.below(address, reference)
        except (OSError, ValueError, RuntimeError):  # of brackets, NUL, names that are too long, links in a circle
            return None


def listed(texts: Sequence[str]) -> str:
    """Return the first few, in quotes and on one line, and how many more there are."""
    more = f", and {len(texts) - NAMED:,} more" if len(texts) > NAMED else ""
    return ", ".join(repr(text[:100]) for text in texts[:NAMED]) + more


def parsed(page: bytes) -> Any:
    """Return the content of JSON or YAML. Raises `ValueError` for anything else, and for what is too large."""
    if page.count(b"{") + page.count(b"[") > MOST_CONTAINERS:
        raise ValueError(f"it has more than {MOST_CONTAINERS:,} brackets")
    try:
        return json.loads(page)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except ValueError:
        return _from_yaml(page)


def is_html(page: bytes) -> bool:
    """Whether this is a page for a browser."""
    return page[:100].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _from_yaml(page: bytes) -> Any:
    """Return the content of YAML. Raises `ValueError`."""
    if is_html(page):
        raise ValueError("it is a page of HTML; name the JSON or YAML that it shows")
    if len(page) > MOST_BYTES_OF_YAML:
        raise ValueError(f"it is not JSON; YAML is read up to {MOST_BYTES_OF_YAML // MIB} MiB, so convert it to JSON")
    try:
        _check_size(yaml.parse(page, Loader=_Loader))
        return yaml.load(page, Loader=_Loader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        where, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        why = f" ({problem}, line {where.line + 1})" if where and problem else ""
        raise ValueError(f"it is neither JSON nor YAML that can be read{why}") from error
    except (AttributeError, LookupError, TypeError, ArithmeticError) as error:  # of a tag that its text does not fit
        raise ValueError("a value of its YAML does not fit its tag") from error


_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # that of libyaml, where it is there, is many times faster


class _Loader(_SAFE):  # type: ignore[misc]  # its type depends on what is installed
    """Reads a text that is not quoted as JSON has it: a date and `on` are text, as in YAML 1.2."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in known if tag not in (BOOL, TIMESTAMP, VALUE)]
        for first, known in _SAFE.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(BOOL, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))


def _check_size(events: Iterable[yaml.Event]) -> None:
    """Raise `ValueError` for YAML that is nested too deeply or, with what its aliases repeat, has too many values.

    A few lines of aliases can stand for more values than any memory holds.
    """
    values, sizes = 0, dict[str | None, int]()
    opened: list[tuple[str | None, int]] = []
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            sizes[anchor] = values - before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"its YAML alias {event.anchor!r} contains itself, or stands for nothing")
            values += sizes[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, values))
            else:
                sizes[event.anchor] = 1
            values += 1
        if values > MOST_VALUES:
            raise ValueError(f"it has more than {MOST_VALUES:,} values")
        if len(opened) > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _text(value: object) -> str:
    """Return a key, or a value that JSON does not have, as text."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
