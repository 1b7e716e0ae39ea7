"""An OpenAPI description: where it is, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from sadpath.check.driver import NoPageError
from sadpath.check.find.description import READS_WITHIN_S, Description, Folder, Place, Web, listed
from sadpath.errors import CommandError, Status
from sadpath.hosts import basic_authorization, same_origin, urlsplit_or_none, without_user

LONGEST_PATH = 2000
LONGEST_CHAIN = 20
"""Of references that lead to references."""

LONGEST_INDEX = 9
"""Digits of an index into a list: Python refuses to read thousands."""

T = TypeVar("T")


@dataclass(frozen=True)
class Schema:
    """A description, where it came from, and notes on what was left out of it."""

    where: str
    content: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()
    kept: frozenset[tuple[str, str]] | None = None
    """The methods and templates of those operations that are wanted; None for all."""

    address: str = ""
    """Where it was read, if that is an address."""

    below: str | None = None
    """The path below which its operations are, if the description does not say so."""

    @property
    def prefix(self) -> str:
        """The path below which its operations are, without a slash at its end."""
        if self.below is not None:
            return self.below
        servers = self.content.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else None
        url = str(first.get("url", "")) if isinstance(first, dict) else ""
        path = str(self.content.get("basePath") or ("" if "{" in url else _path_of(url))).rstrip("/")
        return path if _is_path(path) else ""

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield the method, the template and the description of each operation.

        Of its body and its parameters, too, those that stand elsewhere in the description are put in place.
        """
        for template, item in self.content["paths"].items():
            for method, described in _methods(self.followed(item)):
                name = (method, self.prefix + template)
                operation = self.followed(described) if self.kept is None or name in self.kept else None
                if isinstance(operation, dict):
                    yield *name, self._in_place(operation)

    def narrowed(self, is_wanted: Callable[[str, str], bool]) -> Schema:
        """Return the description of those operations whose method and template are wanted."""
        wanted = frozenset(
            (method, template) for method, template, _ in self.operations() if is_wanted(method, template)
        )
        return replace(self, kept=wanted)

    def _in_place(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        placed = dict(operation)
        if "requestBody" in operation:
            placed["requestBody"] = self.followed(operation["requestBody"])
        if isinstance(operation.get("parameters"), list):
            placed["parameters"] = [self.followed(one) for one in operation["parameters"]]
        return placed

    def followed(self, value: Any) -> Any:
        """Return what a reference leads to, with what stands beside it, or the value itself where it is none."""
        for _ in range(LONGEST_CHAIN):
            if not (isinstance(value, dict) and isinstance(value.get("$ref"), str)):
                return value
            beside = {name: one for name, one in value.items() if name != "$ref"}
            target = self._at(value["$ref"])
            value = {**target, **beside} if isinstance(target, dict) else None
        return None

    def _at(self, reference: str) -> Any:
        """Return what is at a reference into the document; None where nothing is."""
        value: Any = self.content
        for name in unquote(reference).split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and key.isdecimal() and len(key) <= LONGEST_INDEX and int(key) < len(value):
                value = value[int(key)]
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value


def evenly(items: Sequence[T], most: int) -> Sequence[T]:
    """Return the items, or of more than `most` so many that are spread evenly."""
    if len(items) <= most:
        return items
    return [items[i * len(items) // most] for i in range(most)]


METHODS = {"get", "head", "options", "trace", "post", "put", "patch", "delete", "query"}
OTHER_METHOD = re.compile("[A-Z]{3,20}")
"""One of those that OpenAPI 3.2 has beside them, as it is sent."""


def _methods(item: Any) -> Iterator[tuple[str, Any]]:
    """Yield the method and the description of each operation of a path."""
    if not isinstance(item, dict):
        return
    yield from ((name.upper(), described) for name, described in item.items() if name in METHODS)
    others = item.get("additionalOperations")
    for name, described in others.items() if isinstance(others, dict) else ():
        if OTHER_METHOD.fullmatch(name) and name.lower() not in METHODS and name != "CONNECT":
            yield name, described


def named_schema(name: str, headers: Mapping[str, str], service: str) -> Schema:
    """Return the description at an address or in a file, as JSON or YAML. Raises `CommandError`.

    The headers go along where it is of the same origin as the service.
    """
    shown = without_user(name)
    try:
        is_address = urlsplit_or_none(name)
        return parsed_schema(
            Web(shown, headers_to(name, headers, service)) if is_address else Folder(Path(name)), shown
        )
    except OSError as error:
        why = error.strerror or error
        kept = headers and isinstance(error, NoPageError) and not same_origin(name, service)
        hint = f"; your [headers] go to {service} alone" if kept else ""
        raise CommandError(f"cannot read the schema {shown}: {why}{hint}", Status.WRONG_COMMAND) from error
    except (ValueError, RuntimeError) as error:  # before Python 3.13, of links in a circle
        raise CommandError(f"{shown} is not an OpenAPI description: {error}", Status.WRONG_COMMAND) from error


def headers_to(url: str, headers: Mapping[str, str], service: str) -> Mapping[str, str]:
    """Return what goes along to an address: the user's headers go to the service alone."""
    return {**(headers if same_origin(url, service) else {}), **basic_authorization(url)}


def parsed_schema(place: Place, where: str, within_s: float = READS_WITHIN_S) -> Schema:
    """Read a description. Raises `OSError`, and `ValueError` for a page of something else."""
    description = Description(place, within_s)
    content = description.content
    version = _version(content)
    if version and not re.match(r"[23](\.|$)", version):
        raise ValueError(f"it is of version {version[:20]!r}; versions 2 and 3 are read, so convert it to one of them")
    if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
        raise ValueError("it has no paths")  # noqa: TRY004 - as for any other page
    if not version:
        raise ValueError("it does not say which version of OpenAPI it is")
    paths = {template: item for template, item in content["paths"].items() if _is_path(template)}
    odd = [template for template in content["paths"] if template not in paths and not template.startswith("x-")]
    address = place.address if urlsplit_or_none(place.address) else ""
    schema = Schema(where, {**content, "paths": paths}, address=address)
    left_out = {
        "left out what is no path of the service": odd,
        "left out what is described nowhere that is read": list(_missing(schema)),
    }
    notes = [f"{why}: {listed(names)}" for why, names in left_out.items() if names]
    return replace(schema, notes=(*description.notes, *notes))


def _version(content: Any) -> str:
    """Return the version of OpenAPI, or of Swagger as that was called before; empty where none is said."""
    known = content if isinstance(content, dict) else {}
    return str(next(filter(None, (known.get(key) for key in ("openapi", "swagger", "swaggerVersion"))), ""))


def _missing(schema: Schema) -> Iterator[str]:
    """Yield the paths and operations whose reference leads nowhere."""
    for template, reference in schema.content["paths"].items():
        item = schema.followed(reference)
        if not isinstance(item, dict):
            yield template
        for method, described in _methods(item):
            if not isinstance(schema.followed(described), dict):
                yield f"{method} {template}"


def _is_path(text: str) -> bool:
    """Whether a path is one of the service itself, whatever it is sent after."""
    return (
        text.startswith("/")
        and not text.startswith("//")
        and not set(unquote(text).replace("\\", "/").split("/")) & {".", ".."}
        and len(text) <= LONGEST_PATH
    )


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
