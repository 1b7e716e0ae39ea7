"""What the headers of a request hold that nothing that is printed shows: a service may repeat any part of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress

from sadpath.check.login.cookies import pairs


def in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the values, and what a service reads in them: the token, each cookie, the password of basic credentials."""
    for name, value in headers.items():
        scheme, _, rest = value.rpartition(" ")
        yield from (value, rest)
        if name.lower() == "cookie":
            yield from pairs(value).values()
        if scheme.lower() == "basic":
            yield from _basic(rest)


def _basic(encoded: str) -> Iterator[str]:
    with suppress(ValueError):  # of what is not in base 64
        pair = base64.b64decode(encoded, validate=True).decode(errors="replace")
        yield from (pair, pair.partition(":")[2])
