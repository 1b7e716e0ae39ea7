"""What an answer is like, but for what differs from request to request: by it two errors of one status are told apart.

Numbers, ids, times and the request's own inputs are folded, since an answer may repeat them.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sadpath.fault import secrets
from sadpath.text import visible

MOST_LOOKED_AT = 1 << 16
"""Bytes of a body that are looked at."""

MARKUP, TEXT, LONGEST_TEXT, LONGEST_WORDS = 1 << 12, 1 << 10, 200, 48
"""Characters: of a page whose markup is taken off, of a text that counts, of one in a JSON, and of words for people."""

MOST_LEVELS, MOST_PARTS, MOST_INPUTS, SHORTEST_INPUT = 6, 50, 100, 3

TELLING = ("detail", "message", "msg", "error", "title", "reason", "description", "errors")
"""The keys under which an error says what it is, the most telling first."""

OF_A_PARSER = ("json_invalid", "value_error.jsondecode")
"""What pydantic calls a body that is no JSON, in its second and its first version."""

OF_A_VALIDATOR = ("value_error", "assertion_error")
"""What pydantic calls that which a validator of the service's own has raised."""

BY_A_SCHEMA = "refused by a schema"
"""All else that pydantic refuses, in one place of its own, whatever it calls that."""

Fold = Callable[[str], str]


@dataclass(frozen=True)
class Shape:
    """`digest` is equal for answers with the same error, and `words` are what it says, for people.

    `is_of_a_parser` and `is_of_a_schema` are whether it says that the framework has refused the request, before its
    operation was called.
    """

    digest: str = ""
    words: str = ""
    is_of_a_parser: bool = False
    is_of_a_schema: bool = False


UNSEEN = Shape()
"""Of an answer that was not looked at."""


def shape(content_type: str, body: bytes, inputs: Iterable[str]) -> Shape:
    """Return the shape of an answer to a request with these inputs."""
    media_type = content_type.partition(";")[0].strip().lower()
    text = body[:MOST_LOOKED_AT].decode(errors="replace")
    unsaid = secrets()  # an answer may repeat a token
    told = sorted({*inputs, *unsaid}, key=len, reverse=True)
    fold, fold_for_people = _folds(told), _folds([one for one in told if one in unsaid or not one.isalpha()])
    content = _parsed(text)
    if content is None:
        plain = _without_markup(text)
        skeleton, words = fold(plain), plain
    else:
        skeleton, words = json.dumps(_skeleton(content, fold), sort_keys=True), _words(content)
    digest = hashlib.blake2b(f"{media_type}\n{skeleton}".encode(errors="replace"), digest_size=8).hexdigest()
    is_of_a_parser = content is not None and any(name in skeleton for name in OF_A_PARSER)
    return Shape(digest, _shortened(fold_for_people(words)), is_of_a_parser, BY_A_SCHEMA in skeleton)


def inputs(path: str, body: bytes) -> list[str]:
    """Return the values that a request has in its path, its query and its body."""
    parts = urlsplit(path)
    text = body[:MOST_LOOKED_AT].decode(errors="replace")
    content = _parsed(text)
    values = [
        *map(unquote, parts.path.split("/")),
        *(value for _, value in parse_qsl(parts.query)),
        *(_leaves(content) if content is not None else [value for _, value in _form(text)]),
    ]
    return [one for one in islice(values, MOST_INPUTS) if len(one) >= SHORTEST_INPUT]


_ID = re.compile(
    r"\b0x[0-9a-fA-F]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\b(?=[A-Za-z_-]{0,40}\d)[\w-]{16,}"
)
"""An address, a UUID, a number in base 16, a token."""

_NUMBER = re.compile(r"\d+(?:[.,:T+ -]{1,2}\d+)*Z?")
"""A number, a date, a time."""


def _folds(told: Iterable[str]) -> Fold:
    """Return what takes out of a text what a request has told, ids, times and numbers."""
    own = re.compile("|".join(map(re.escape, told)) or r"(?!)")

    def fold(text: str) -> str:
        text = own.sub("…", text[:TEXT])
        return " ".join(_NUMBER.sub("#", _ID.sub("#", text)).split())

    return fold


def _skeleton(value: Any, fold: Fold, levels: int = MOST_LEVELS) -> Any:
    """Return the keys and types of a JSON, with its short texts; how many parts a list has does not matter."""
    if isinstance(value, str):
        folded = fold(value)
        return folded if len(folded) <= LONGEST_TEXT else "text"
    if not levels or not isinstance(value, dict | list):
        return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    if isinstance(value, list):
        return sorted({json.dumps(_skeleton(one, fold, levels - 1), sort_keys=True) for one in value[:MOST_PARTS]})
    if "loc" in value and "type" in value:
        return [value["type"] if value["type"] in (*OF_A_PARSER, *OF_A_VALIDATOR) else BY_A_SCHEMA]
    return {fold(key): _skeleton(one, fold, levels - 1) for key, one in islice(value.items(), MOST_PARTS)}


def _words(value: Any, levels: int = MOST_LEVELS) -> str:
    """Return the text of a JSON that says what the error is; nothing where it has none."""
    if isinstance(value, str):
        return value
    if not levels or not isinstance(value, dict | list):
        return ""
    parts = value if isinstance(value, list) else _telling_first(value)
    return next(filter(None, (_words(one, levels - 1) for one in islice(parts, MOST_PARTS))), "")


def _telling_first(value: Mapping[str, Any]) -> Iterator[Any]:
    yield from (value[key] for key in TELLING if key in value)
    yield from (one for key, one in value.items() if key not in TELLING)


def _shortened(words: str) -> str:
    shown = visible(words.replace('"', "'"))
    return shown if len(shown) <= LONGEST_WORDS else shown[: LONGEST_WORDS - 1].rstrip() + "…"


def _without_markup(text: str) -> str:
    """Return what a reader of a page sees, roughly."""
    bare = re.sub(r"(?is)<(script|style|!--)\b.*?(</\1>|-->)|<[^<>]*>", " ", text[:MARKUP])
    return html.unescape(bare)


def _parsed(text: str) -> Any:
    """Return the content of a JSON that is an object, a list or a text; None for anything else."""
    with suppress(ValueError, RecursionError):
        content = json.loads(text)
        return content if isinstance(content, dict | list | str) else None
    return None


def _leaves(value: Any, levels: int = MOST_LEVELS) -> Iterator[str]:
    """Yield the texts in a JSON, but for its keys, which an error names as words of its own."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for one in value[:MOST_PARTS] if levels else []:
            yield from _leaves(one, levels - 1)
    elif isinstance(value, str):
        yield value


def _form(text: str) -> list[tuple[str, str]]:
    with suppress(ValueError):
        return parse_qsl(text, max_num_fields=MOST_INPUTS)
    return []
