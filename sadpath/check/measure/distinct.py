"""Requests with other inputs each time, for an error path whose template has parameters.

A service may keep something for each id that it was asked for, also for those that do not exist.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from urllib.parse import quote

from sadpath.check.driver import Request
from sadpath.check.find import PARAMETER, ErrorPath
from sadpath.check.find.refusable import Refusable
from sadpath.check.measure.rounds import Requests

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def distinct(path: ErrorPath) -> Requests | None:
    """Return what makes requests that differ in a parameter of the path; None where the template has none.

    None also for what has to be refused: another id may be one that the service knows.
    """
    if isinstance(path.request, Refusable):
        return None
    plain, mark, query = path.request.path.partition("?")
    place = _last_parameter(path.path, plain)
    if place is None:
        return None
    start, end = place
    value, numbers = plain[start:end], count(1)

    def with_value(other: str) -> Request:
        changed = plain[:start] + quote(other, safe="") + plain[end:] + mark + query
        return Request(path.request.method, changed, path.request.headers, path.request.body)

    def requests(needed: int) -> Sequence[Request]:
        return [with_value(_another(value, next(numbers))) for _ in range(needed)]

    return requests


def _last_parameter(template: str, path: str) -> tuple[int, int] | None:
    """Return where in `path` the value of the template's last parameter is; None where it cannot be told."""
    names = PARAMETER.findall(template)
    if not names:
        return None
    literal = [re.escape(part) for part in PARAMETER.split(template)]
    found = re.fullmatch("([^/]*)".join(literal), path)
    return found.span(len(names)) if found and found[len(names)] else None


def _another(value: str, number: int) -> str:
    """Return a value of the same form: a number, a UUID, or text that ends with a number."""
    if UUID.fullmatch(value):
        return f"{number:08x}{value[8:]}"
    if re.fullmatch(r"\d+", value):
        return str(int(value[:15]) + number)
    return f"{value}-{number}"
