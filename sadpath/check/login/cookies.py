"""The cookies that a service sets: they go to it alone, whatever domain and path they are for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Cookie:
    """A cookie that lives for some seconds; none is one that is deleted, and `inf` one of the session."""

    value: str
    lives_s: float = float("inf")


def cookies_set(lines: Iterable[str]) -> dict[str, Cookie]:
    """Return the cookies of an answer's `Set-Cookie` headers, by name."""
    found = {}
    for line in lines:
        pair, *attributes = line.split(";")
        name, is_pair, value = pair.partition("=")
        if is_pair and name.strip() and pair.isprintable():
            found[name.strip()] = Cookie(value.strip(), _lives_s(attributes))
    return found


def pairs(header: str) -> dict[str, str]:
    """Return the names and values of a `Cookie` header."""
    parts = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts if name.strip()}


def cookie_header(cookies: Mapping[str, str]) -> str:
    """Return the `Cookie` header of these."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _lives_s(attributes: Iterable[str]) -> float:
    """Return the seconds that the attributes give a cookie; `Max-Age` wins, by RFC 6265."""
    named = {name.strip().lower(): value.strip() for name, _, value in (one.partition("=") for one in attributes)}
    with suppress(ValueError, OverflowError):
        if "max-age" in named:
            return float(int(named["max-age"]))
        if "expires" in named:
            return parsedate_to_datetime(named["expires"]).timestamp() - time.time()
    return float("inf")
