"""The inputs of a request, and the same request with other values of them, each of the same form.

An input is a place in one of a request's texts: its path with the query, a header, or the body. Everything around it
stays as it is, byte by byte.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from ipaddress import IPv4Address
from types import MappingProxyType
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from sadpath.check.driver import Request
from sadpath.check.find import PARAMETER
from sadpath.check.find.safe import METHOD_OVERRIDES

PATH, BODY = "path", "body"
"""The texts of a request that are no header. A header's text has its name, which begins with `HEADER`."""

HEADER = "header "

MOST_BODY = 1 << 14
"""Bytes of a body in which inputs are looked for."""

FRAMING = {"accept", "connection", "expect", "host", "keep-alive", "range", "te", "trailer", "transfer-encoding"}
FRAMING |= {"upgrade", *METHOD_OVERRIDES}
FRAMING_PREFIXES = ("accept-", "content-", "sec-")
"""Headers that say how a request is read and answered. Another value would make it another request."""

AMOUNTS = {"limit", "size", "count", "length", "depth", "width", "height", "max", "top", "first", "last", "take", "per"}
"""Words in the names of such numbers as `page_size`."""

CREDENTIALS = {"authorization", "proxy-authorization", "x-api-key"}
COOKIE, COOKIES = "cookie", re.compile(r"(?<![^;\s])[^=;\s]+=([^;]*)")

AS_IT_IS_IN_A_PATH = "/?%:@!$&'()*+,;=-._~"

HEXADECIMAL = re.compile(r"[0-9a-f]{8}[0-9a-f-]{8,120}", re.IGNORECASE)
NUMBER = re.compile(r"(-?)(\d{1,300})((?:\.\d+)?(?:[eE][+-]?\d+)?)")
DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(\D.*)?", re.DOTALL)
IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
E_MAIL = re.compile(r"([^@\s]+)(@[^@\s]+)")
FIRST_DAY, DAYS = date(1970, 1, 1).toordinal(), 80_000

OF_JSON = re.compile(rf'(?P<text>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|{NUMBER.pattern}', re.DOTALL)
"""A text of JSON, which is a name before a colon, or a number."""


@dataclass(frozen=True)
class Input:
    """A place in a request: in which text, from where to where, which value is there, and how another is written."""

    text: str
    start: int
    end: int
    value: str
    written: Callable[[str], str]


def varied(request: Request, inputs: Sequence[Input], number: int) -> Request:
    """Return the request with other values of these inputs, which no other number makes."""
    return reduce(
        lambda made, one: _with_text(made, one, one.written(another(one.value, number))),
        sorted(inputs, key=lambda one: one.start, reverse=True),
        request,
    )


def another(value: str, number: int) -> str:
    """Return a value of the same form: a number, a UUID or other digits, a day, an address, or a text."""
    if HEXADECIMAL.fullmatch(value) and not value.isdecimal():
        return f"{number:08x}{value[8:]}"
    if parts := NUMBER.fullmatch(value):
        return f"{parts[1]}{int(parts[2]) + number:0{len(parts[2])}}{parts[3]}"
    if parts := DAY.fullmatch(value):
        return date.fromordinal(FIRST_DAY + number % DAYS).isoformat() + (parts[2] or "")
    if IP_ADDRESS.fullmatch(value):
        return str(IPv4Address((10 << 24) + number % (1 << 24)))
    if parts := E_MAIL.fullmatch(value):
        return f"{parts[1]}{number}{parts[2]}"
    words, rest = _split(value)
    return f"{words}{number}{rest}"


def in_path(template: str, path: str) -> Iterator[Input]:
    """Yield the parameters of the template in a path; none where the path is not one of it."""
    literal = [re.escape(quote(part, safe=AS_IT_IS_IN_A_PATH)) for part in PARAMETER.split(template)]
    if found := re.fullmatch("([^/]*)".join(literal), path.partition("?")[0]):
        for number in range(1, len(literal)):
            yield Input(PATH, *found.span(number), unquote(found[number]), lambda other: quote(other, safe=""))


def in_query(path: str) -> Iterator[Input]:
    """Yield each value of the query."""
    _, mark, query = path.partition("?")
    if mark:
        yield from _in_form(query, PATH, len(path) - len(query))


def in_address(template: str, path: str) -> Iterator[Input]:
    """Yield the inputs of a path and its query; where there are none a parameter that nothing knows.

    A cache by the whole address grows with that, too.
    """
    found = [*in_path(template, path), *in_query(path)]
    mark = "&" if "?" in path else "?"
    yield from found or [Input(PATH, len(path), len(path), "", lambda other: f"{mark}sadpath={other}")]


def in_headers(
    headers: Mapping[str, str], own: Mapping[str, str] = MappingProxyType({}), *, with_credentials: bool
) -> Iterator[Input]:
    """Yield the value of each header that does not say how the request is read, and of each cookie.

    None of the user's `own` headers, nor of the cookies among these.
    """
    own_cookies = {cookie[0] for value in own.values() for cookie in COOKIES.finditer(value)}
    for name, value in headers.items():
        lower = name.lower()
        if own.get(name) == value or lower in FRAMING or lower.startswith(FRAMING_PREFIXES):
            continue
        if lower == COOKIE:
            for cookie in COOKIES.finditer(value):
                if cookie[0] not in own_cookies:
                    yield Input(HEADER + name, *cookie.span(1), cookie[1], str)
        elif lower not in CREDENTIALS:
            yield Input(HEADER + name, 0, len(value), value, str)
        elif with_credentials:
            yield _credentials(HEADER + name, value)


def in_body(request: Request) -> Iterator[Input]:
    """Yield the inputs of a body by what it is: values of JSON and a new name, fields of a form, or its end.

    None where the request says how long its body is.
    """
    names = {name.lower(): value for name, value in request.headers.items()}
    if not 0 < len(request.body) <= MOST_BODY or "content-length" in names:
        return
    body, kind = request.body.decode("latin-1"), names.get("content-type", "").lower()
    if "multipart/form-data" in kind:
        yield from _in_parts(body)
    elif "x-www-form-urlencoded" in kind:
        yield from _in_form(body, BODY)
    elif is_json(request.body):
        yield from _in_json(body)
    else:
        yield at_the_end(request)


def at_the_end(request: Request) -> Input:
    """Return what makes a body longer."""
    return Input(BODY, len(request.body), len(request.body), "", str)


def _split(value: str) -> tuple[str, str]:
    """Return a text up to its last letter or digit, and what follows, such as a quotation mark."""
    found = re.search(r"\w\W*$", value)
    end = found.start() + 1 if found else 0
    return value[:end], value[end:]


def _with_text(request: Request, place: Input, new: str) -> Request:
    """Return the request with something else at a place."""

    def spliced(text: str) -> str:
        return text[: place.start] + new + text[place.end :]

    if place.text == PATH:
        return replace(request, path=spliced(request.path))
    if place.text == BODY:
        return replace(request, body=spliced(request.body.decode("latin-1")).encode("latin-1"))
    name = place.text.removeprefix(HEADER)
    return replace(request, headers={**request.headers, name: spliced(request.headers[name])})


def _in_form(text: str, where: str, offset: int = 0) -> Iterator[Input]:
    for pair in re.finditer(r"(?<![^&])([^&=]+)=([^&]*)", text):
        start, end = pair.span(2)
        name, value = unquote_plus(pair[1]), unquote_plus(pair[2])
        if not (NUMBER.fullmatch(value) and _is_an_amount(name)):
            yield Input(where, offset + start, offset + end, value, quote_plus)


def _in_parts(body: str) -> Iterator[Input]:
    """Yield the fields of a form in parts; no files."""
    boundary, start = body.partition("\r\n")[0], 0
    for part in body.split(boundary) if boundary else ():
        head, mark, rest = part.partition("\r\n\r\n")
        if mark and "filename" not in head.lower():
            value, begin = rest.removesuffix("\r\n"), start + len(head) + len(mark)
            text = value.encode("latin-1").decode(errors="surrogateescape")
            yield Input(BODY, begin, begin + len(value), text, _as_bytes)
        start += len(part) + len(boundary)


def _as_bytes(text: str) -> str:
    return text.encode(errors="surrogateescape").decode("latin-1")


def is_json(body: bytes) -> bool:
    """Whether this is a value of JSON."""
    try:
        json.loads(body.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _in_json(body: str) -> Iterator[Input]:
    """Yield each text and number, and a new name where the body is an object."""
    if body.lstrip().startswith("{"):
        start = body.index("{") + 1
        comma = "" if body[start:].lstrip().startswith("}") else ", "
        yield Input(BODY, start, start, "", lambda other: f'"sadpath{other}": {other}{comma}')
    name = ""
    for found in OF_JSON.finditer(body):
        text = json.loads(found["text"].encode("latin-1")) if found["text"] else None
        if found["colon"]:
            name = str(text)
        elif text is not None:
            yield Input(BODY, *found.span(), text, json.dumps)
        elif not _is_an_amount(name):
            yield Input(BODY, *found.span(), found[0], str)


def _is_an_amount(name: str) -> bool:
    """Whether a number says how much is asked for: another may be more than a service can bear."""
    return not AMOUNTS.isdisjoint(word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name[:100]))


def _credentials(text: str, value: str) -> Input:
    """Return what varies a token, or the user's name of basic credentials."""
    scheme, _, token = value.rpartition(" ")
    start = len(value) - len(token)
    try:
        user, colon, password = base64.b64decode(token, validate=True).decode("latin-1").partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        return Input(text, start, len(value), token, str)

    def written(other: str) -> str:
        return base64.b64encode(f"{other}:{password}".encode("latin-1")).decode()

    return Input(text, start, len(value), user, written)
