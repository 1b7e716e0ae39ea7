"""Requests that somebody named, which may say in braces where another value may be: `GET /users/{id}`.

`{id}` gets a value that fits its name, another each time in the second look. `{{id}}` is sent as `{id}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.inputs import BODY, HEADER, PATH, Input, is_json
from sadpath.check.find.safe import SAFE_METHODS

WORD = r"[A-Za-z_][A-Za-z0-9_]*"
PLACE = re.compile(rf"(?<!\$)(?:\{{\{{(?P<literal>{WORD})\}}\}}|\{{(?P<name>{WORD})\}})")
"""`{{word}}`, which stands for `{word}`, or a place for a value. JSON's own braces are never around one word alone.

`${word}` is none: elsewhere in a file it names a variable of the environment.
"""

NUMBER, TEXT = "999999999", "sadpath"
VALUES = dict.fromkeys(("n", "id", "no", "nr", "num", "number", "int", "count", "index", "page"), NUMBER)
VALUES |= dict.fromkeys(("uuid", "guid"), "00000000-0000-4000-8000-000000000000")
VALUES |= dict.fromkeys(("email", "mail"), "sadpath@example.com")
VALUES |= dict.fromkeys(("date", "day"), "2026-01-15") | {"ip": "10.0.0.1"}
"""The value for a place whose name ends with such a word; others get a text."""


@dataclass(frozen=True)
class Named(Request):
    """A request that was named, as it is sent first.

    `inputs` are the places that it had in braces: where there are any, nothing else varies. Without any it is sent as
    it stands, unless it `may_vary`.
    """

    inputs: tuple[Input, ...] = ()
    may_vary: bool = False


def named(request: Request, *, may_vary: bool) -> Named:
    """Return a request with a value in each place."""
    path, places = _filled(request.path, PATH)
    headers = {}
    for name, value in request.headers.items():
        headers[name], more = _filled(value, HEADER + name)
        places += more
    body, more = _filled(request.body.decode("latin-1"), BODY)
    places += more
    return Named(request.method, path, headers, body.encode("latin-1"), tuple(places), may_vary, name=request.name)


def literally(request: Request) -> Request:
    """Return what has to be typed so that a request is sent as it is, with its braces."""
    headers = {name: literal(value) for name, value in request.headers.items()}
    body = literal(request.body.decode("latin-1")).encode("latin-1")
    return replace(request, path=literal(request.path), headers=headers, body=body)


def literal(text: str) -> str:
    """Return what has to be typed so that a text is sent as it is, with its braces."""
    return re.sub(rf"(?<!\$)\{{{WORD}\}}", r"{\g<0>}", text)


def typed(path: ErrorPath) -> Request:
    """Return what has to be typed so that the request of a path is sent as it is: with the template's braces if it can.

    It can where nothing else of it may vary, since with braces nothing else does.
    """
    request = path.request
    in_braces = replace(request, path=path.path)
    is_alone = request.method in SAFE_METHODS and not (request.body or request.headers or "?" in request.path)
    return in_braces if is_alone and _as_sent(in_braces) == _as_sent(literally(request)) else literally(request)


def _as_sent(request: Request) -> str:
    return named(request, may_vary=False).path


def _filled(text: str, where: str) -> tuple[str, list[Input]]:
    """Return a text with a value in each place, and the places as they are then."""
    only_numbers = where == BODY and is_json(PLACE.sub("0", text).encode("latin-1"))
    made, places, end = "", [], 0
    for place in PLACE.finditer(text):
        made += text[end : place.start()]
        end = place.end()
        if place["literal"]:
            value = f"{{{place['literal']}}}"
        else:
            is_number = only_numbers and not _is_in_text(text[: place.start()])
            value = NUMBER if is_number else _fitting(place["name"])
            places.append(Input(where, len(made), len(made) + len(value), value, str))
        made += value
    return made + text[end:], places


def _fitting(name: str) -> str:
    words = [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)]
    return next((VALUES[word] for word in reversed(words) if word in VALUES), TEXT)


def _is_in_text(before: str) -> bool:
    """Whether a text of JSON was begun and not ended."""
    return re.sub(r"\\.", "", before).count('"') % 2 == 1
