"""Bodies that are sent to any operation that takes one: what no description is needed for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sadpath.check.driver import Request
from sadpath.check.find.refusable import BROKEN_JSON, is_json, media_types
from sadpath.check.find.schema import Schema

TAKE_BODIES = {"POST", "PUT", "PATCH"}

JSON, FORM, BINARY = "application/json", "application/x-www-form-urlencoded", "application/octet-stream"
UNKNOWN_TYPE = "text/x-sadpath"
DEEP = 1000
"""Brackets: more levels than most parsers read."""

OF_JSON = (BROKEN_JSON, b"{}", b"[]", b"null", b'""', b"[" * DEEP, b'"\xff"')
OF_A_FORM = (b"", b"sadpath=no-such-value")
OF_OTHERS = (b"", b"\xff\x00sadpath")


def plain_bodies(method: str, path: str, operation: Mapping[str, Any], schema: Schema | None) -> Iterator[Request]:
    """Yield requests whose bodies are broken, empty or of a kind that an operation may not expect.

    They are of the media types that its description has; without one, of those that most read.
    """
    described = media_types(operation, schema) if schema else []
    if not described and method not in TAKE_BODIES:
        return
    for media_type in described or (JSON, FORM, BINARY):
        for body in _of(media_type):
            yield Request(method, path, {"Content-Type": media_type}, body)
    yield Request(method, path, {"Content-Type": UNKNOWN_TYPE}, b"neither")


def _of(media_type: str) -> tuple[bytes, ...]:
    if is_json(media_type):
        return OF_JSON
    return OF_A_FORM if media_type.partition(";")[0].strip().lower() == FORM else OF_OTHERS
