"""What `sadpath check` is told: by `sadpath.toml`, and by its options, which win.

`SETTINGS` is the table of all settings: what is read, what is unknown, and the file that `sadpath init` writes follow
from it.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomlkit

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.named import literal, typed
from sadpath.check.login import COOKIE, TOKEN, Auth
from sadpath.check.variables import VARIABLE, all_filled, filled
from sadpath.errors import CommandError, Status
from sadpath.text import visible
from sadpath.verdict.verdict import FLAT_BELOW_EXACT

FILE = Path("sadpath.toml")
LATIN_1 = 255
"""The last of the characters that a header is encoded with."""

WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""A method, or the name of a header, by RFC 9110."""

PATH = r"/[!-~]*"
"""A path and its query as they are sent: other characters are written as %C3%A9."""

UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}


@dataclass(frozen=True)
class Settings:
    """All that a check depends on. `headers` go with every request; `requests` are driven alone unless `schema` is
    named as well. `include` and `exclude` are patterns of paths, such as `/users/*` or `POST /orders/*`. `status` are
    those that are measured, such as `2xx` or `404`: without any, those of errors. `auth` is the request that logs in.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    requests: tuple[Request, ...] = ()
    schema: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    writes: bool = False
    budget_s: float = 60.0
    bytes_per_request: float = FLAT_BELOW_EXACT
    concurrency: int = 1
    timeout_s: float = 10.0
    memory_limit: int = 0


def read_settings(path: Path | None = None) -> Settings:
    """Read a file of settings: the one that is named, or `sadpath.toml` of the working directory, if it is there.

    Raises `CommandError` for a file that cannot be read, an unknown key, or a value of the wrong type or size.
    """
    if path is None and not FILE.exists():
        return Settings()
    where = path or FILE
    try:
        content = tomllib.loads(where.read_text(encoding="utf-8"))
        return _checked(Settings(**_in_file(content)))
    except OSError as error:
        raise CommandError(f"cannot read {where}: {error.strerror}", Status.WRONG_COMMAND) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{where}: {error}", Status.WRONG_COMMAND) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise CommandError(f"{where}: {error}", Status.WRONG_COMMAND) from error


def overridden(settings: Settings, **options: Any) -> Settings:
    """Return the settings with those options that were given; None is one that was not.

    Raises `CommandError` for a value that makes no sense.
    """
    return _checked(replace(settings, **{name: value for name, value in options.items() if value is not None}))


def request(text: str) -> Request:
    """Return the request of `GET /users/999`; without a method it is GET. Raises `CommandError`."""
    parts = re.fullmatch(rf"(?:([A-Za-z]+)\s+)?({PATH})", text.strip())
    if not parts:
        raise CommandError(
            f"expected a method and a path, got {text!r} (for example 'GET /users/999')", Status.WRONG_COMMAND
        )
    return Request((parts[1] or "GET").upper(), parts[2])


def size(text: str) -> int:
    """Return the bytes of `512MB` or `1.5GiB`. Raises `CommandError`."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    count = float(parts[1]) * UNITS.get(parts[2], 0) if parts else 0.0
    if not 1 <= count < math.inf:
        raise CommandError(f"expected a size, got {text!r} (for example 512MiB)", Status.WRONG_COMMAND)
    return int(count)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


def _statuses(value: Any) -> tuple[str, ...]:
    """Return statuses, of which a text may have several. Raises `ValueError` for what is none."""
    found = [one.strip().lower() for text in _texts(value) for one in text.split(",")]
    for one in found:
        if not re.fullmatch(r"[1-5](xx|\d\d)", one):
            raise ValueError(f"expected a status, got {one!r} (for example 404 or 2xx)")
    return tuple(found)


def statuses(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the statuses of `404`, `2xx` or `4xx,5xx`. Raises `CommandError`."""
    try:
        return _statuses(list(texts))
    except ValueError as reason:
        raise CommandError(str(reason), Status.WRONG_COMMAND) from reason


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {_header_name(name): _header_value(name, one) for name, one in value.items()}


def _filled_headers(value: Any) -> dict[str, str]:
    """Return headers whose values may name variables."""
    return {name: _header_value(name, filled(one)) for name, one in _headers(value).items()}


def _request_headers(value: Any) -> dict[str, str]:
    """Return headers whose values may name variables; braces of a variable's own are none of a place for a value."""
    return {name: _header_value(name, filled(one, literal)) for name, one in _headers(value).items()}


def _unseen_text(value: Any) -> str:
    """Return the text, which no error shows: a path and a body may have a password."""
    return _text(value)


def _filled_text(value: Any) -> str:
    return filled(_text(value))


def _filled_texts(value: Any) -> dict[str, str]:
    return {name: _text(one) for name, one in _filled_table(value).items()}


def _filled_table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return dict(all_filled(value))


def _header_name(name: str) -> str:
    """Return the name. An error does not show it, since a secret may have been written in its place."""
    if not re.fullmatch(WORD, name):
        raise ValueError("the name of a header has to be of letters, digits, - and the like")
    return name


def _header_value(name: str, value: Any) -> str:
    """Return the value, which no error shows."""
    text = _text(value)
    if not text.isascii() and any(ord(letter) > LATIN_1 for letter in text):
        raise ValueError(f"the value of the header {name} has a character that no header can have")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError(f"the value of the header {name} has a line's end or another control character; remove it")
    return text


def _bytes(value: Any) -> int:
    return size(value) if isinstance(value, str) else _whole(value)


@dataclass(frozen=True)
class Setting:
    """One setting, a field of `Settings` by its `name`, and its key in the table `table` of the file.

    `read` returns its value, or raises `TypeError`; then it has to be what `expected` says. `least` is the smallest
    number that makes sense. `example` and `about` are for the file that is written.
    """

    name: str
    table: str
    read: Callable[[Any], Any]
    expected: str
    example: str
    about: str = ""
    least: float = 0


def _default(name: str) -> str:
    return f"{getattr(Settings(), name):g}"


SETTINGS = (
    Setting("schema", "", _text, "text", '"openapi.yaml"',
            "The OpenAPI description, an address or a file. Without it the usual places are tried."),
    Setting("writes", "", _yes_or_no, "true or false", "true", "Also repeat requests that may change data."),
    Setting("concurrency", "", _whole, "a whole number", "1", "Connections that send requests.", least=1),
    Setting("headers", "", _filled_headers, "a table of texts", 'Authorization = "Bearer ${TOKEN}"',
            "Headers that go with every request. ${NAME} is read from the environment."),
    Setting("include", "paths", _texts, "a list of texts", '["/api/*"]'),
    Setting("exclude", "paths", _texts, "a list of texts", '["/admin/*"]'),
    Setting("status", "paths", _statuses, "a list of texts", '["2xx", "4xx", "5xx"]',
            "statuses to measure; by default 4xx and 5xx"),
    Setting("budget_s", "limits", _number, "a number", _default("budget_s"), "seconds to measure", least=1.0),
    Setting("bytes_per_request", "limits", _number, "a number", _default("bytes_per_request"),
            "growth below this is flat", least=1.0),
    Setting("timeout_s", "limits", _number, "a number", _default("timeout_s"),
            "seconds until a request counts as not answered", least=0.1),
    Setting("memory_limit", "limits", _bytes, "a size, such as 512MiB", '"512MiB"',
            "end when the service needs more; by default half of what is free"),
)  # fmt: skip
"""All settings but the requests, in the order in which the file has them."""

TABLES = {"paths": 'Patterns of paths, with or without a method: "/users/*", "POST /orders/*".', "limits": ""}
"""The tables of the file, each with what it is about."""

REQUEST: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "method": (_text, "text"),
    "path": (_unseen_text, "text"),
    "headers": (_request_headers, "a table of texts"),
    "body": (_unseen_text, "text"),
    "name": (_text, "text"),
}
"""The keys of a `[[request]]`, with what reads each and what is expected."""


AUTH: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "path": (_filled_text, "text"),
    "method": (_text, "text"),
    "json": (_filled_table, "a table of texts, numbers, lists and tables"),
    "form": (_filled_texts, "a table of texts"),
    "body": (_filled_text, "text"),
    "headers": (_filled_headers, "a table of texts"),
    "csrf": (_filled_text, "text"),
    "keep": (_text, "text"),
    "header": (_filled_text, "text"),
}
"""The keys of `[auth]`, as those of a `[[request]]`."""

SECRET = {_filled_headers, _request_headers, _unseen_text, _filled_text, _filled_texts, _filled_table}
"""What reads a value that no message shows."""


def _checked(settings: Settings) -> Settings:
    """Return the settings. Raises `CommandError` for a value that makes no sense."""
    for one in SETTINGS:
        value = getattr(settings, one.name)
        if one.least and not one.least <= value < math.inf:
            raise CommandError(f"{one.name} has to be {one.least:g} or more, got {value:g}", Status.WRONG_COMMAND)
    return settings


def _in_file(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Settings` that a file's content sets. Raises `ValueError`."""
    top = {one.name: (one.read, one.expected) for one in SETTINGS if not one.table}
    tables = (*TABLES, "auth", "request")
    others = {name: content[name] for name in tables if name in content}
    values = _table({key: value for key, value in content.items() if key not in others}, top, also=tables)
    for table in others.keys() & TABLES.keys():
        known = {one.name: (one.read, one.expected) for one in SETTINGS if one.table == table}
        values |= _table(others[table], known, table)
    if "auth" in others:
        values["auth"] = _auth(others["auth"])
    requests = others.get("request", [])
    if not isinstance(requests, list):
        raise ValueError("request has to be a list of tables: [[request]]")  # noqa: TRY004 - as for other content
    return {**values, "requests": tuple(_request(one, number) for number, one in enumerate(requests, 1))}


def _request(one: Any, number: int) -> Request:
    values = _table(one, REQUEST, f"request {number}")
    if not re.fullmatch(PATH, values.get("path", "")):
        raise ValueError(f"request {number} needs a path that begins with / and is written as it is sent: /caf%C3%A9")
    if not re.fullmatch(WORD, values.get("method", "GET")):
        raise ValueError(f"the method of request {number} has to be one word")
    return Request(
        values.get("method", "GET").upper(),
        values["path"],
        values.get("headers", {}),
        values.get("body", "").encode(),
        name=values.get("name", ""),
    )


def _auth(content: Any) -> Auth:
    """Return what logs in. Raises `ValueError`, which shows no value that may be a secret."""
    values = _table(content, AUTH, "auth")
    auth = Auth(**{"path": "", **values, "method": values.get("method", "POST").upper()})
    name, colon, value = auth.header.partition(":")
    wrong = {
        "needs a path that begins with /, such as /login": not re.fullmatch(PATH, auth.path),
        "its csrf is the path of a page, such as /login": auth.csrf and not re.fullmatch(PATH, auth.csrf),
        "its method has to be one word": not re.fullmatch(WORD, auth.method),
        "takes one of json, form and body": len(values.keys() & {"json", "form", "body"}) > 1,
        f'its header has to be such as "Authorization: Token {TOKEN}"': not colon or TOKEN not in value,
        f'its header is for a token; leave it out, or keep = "{COOKIE}"': auth.keep == COOKIE and "header" in values,
    }
    for words, is_so in wrong.items():
        if is_so:
            raise ValueError(f"[auth]: {words}")
    _header_value(_header_name(name), value)
    return auth


def _table(
    content: Any, known: Mapping[str, tuple[Callable[[Any], Any], str]], name: str = "", also: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the values of a table. Raises `ValueError` for what is unknown, with the name that was likely meant.

    `also` are names that are known beside those in the table.
    """
    where = f"[{name}]: " if name else ""
    if not isinstance(content, dict):
        raise ValueError(f"{name} has to be a table")  # noqa: TRY004 - as for any other content
    values = {}
    for key, value in content.items():
        if key not in known:
            names = [*known, *also]
            near = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
            raise ValueError(f"{where}unknown key {key!r}; {hint}")
        read, expected = known[key]
        try:
            values[key] = read(value)
        except TypeError:
            got = "" if read in SECRET else f", got {value!r}"
            raise ValueError(f"{where}{key} has to be {expected}{got}") from None
    return values


LONGEST_BODY = 1000
"""Bytes of a body that is written to the file."""

SURROGATE = re.compile("[\ud800-\udfff]")

NO_AUTH = """
# Log in once, and send what that gives with the requests. ${NAME} is read from the environment.
# [auth]
# path = "/login"
# method = "POST"
# json = { username = "admin", password = "${PASSWORD}" }  # or form = { … }, or body = "…" and headers = { … }
# csrf = "/login"  # a page that is asked first, for its CSRF token and its cookies
# keep = "access_token"  # "cookie", or the field with the token; by default what is there
# header = "Authorization: Bearer {token}"
"""

NO_REQUESTS = """
# Requests to check. As soon as one is named, no others are checked.
# [[request]]
# method = "GET"
# path = "/users/999"
# headers = { Accept = "application/json" }
# body = ""
# name = "no such user"
"""


def template(paths: Sequence[ErrorPath] = ()) -> str:
    """Return a settings file: every key with a comment, and these error paths, which are commented out."""
    lines = [
        "# Settings of `sadpath check`, read from the folder in which it is typed. Its options win over this file."
    ]
    for one in SETTINGS:
        if not one.table:
            lines += ["", f"# {one.about}", *_assigned(one)]
    lines += NO_AUTH.rstrip().split("\n")
    for table, about in TABLES.items():
        lines += ["", *([f"# {about}"] if about else []), f"[{table}]"]
        lines += [line for one in SETTINGS if one.table == table for line in _assigned(one)]
    if not paths:
        return "\n".join(lines) + "\n" + NO_REQUESTS
    lines += ["", "# The error paths that were found. All are checked; take the # off some, and those alone are."]
    return "\n".join([*lines, *(line for path in paths for line in _commented(path))]) + "\n"


def _assigned(one: Setting) -> Iterator[str]:
    """Yield the lines of one setting, which change nothing."""
    if one.name == "headers":
        yield from ("[headers]", f"# {one.example}")
    else:
        yield f"# {one.name} = {one.example}" + (f"  # {one.about}" if one.table and one.about else "")


def _commented(path: ErrorPath) -> Iterator[str]:
    """Yield the lines of a request as comments, or why it cannot be one. No text in it can end a line."""
    yield f"# {visible(path.name)}"
    try:
        yield from (f"# {line}" for line in _toml({"request": [_in_table(typed(path))]}))
    except ValueError as reason:
        yield f"# It cannot be written here: {reason}."
    yield ""


def _in_table(request: Request) -> dict[str, Any]:
    """Return the table of a request. Raises `ValueError` for one that a file cannot have."""
    if len(request.body) > LONGEST_BODY:
        raise ValueError(f"its body has {len(request.body):,} bytes")
    try:
        body = request.body.decode()
    except UnicodeDecodeError:
        raise ValueError("its body is not text") from None
    if any(map(VARIABLE.search, request.headers.values())):
        raise ValueError("a header has ${…}, which a file takes for a variable of the environment")
    table = {"method": request.method, "path": request.path}
    headers = tomlkit.inline_table()
    headers.update(request.headers)
    return table | ({"headers": headers} if request.headers else {}) | ({"body": body} if body else {})


def _toml(content: Mapping[str, Any]) -> list[str]:
    """Return the lines of TOML, in whose strings what is not seen, or moves what is, is escaped.

    Raises `ValueError` for half a character, which TOML cannot have.
    """
    text = tomlkit.dumps(content).strip()
    if SURROGATE.search(text):
        raise ValueError("it has a character that no file of text can have")
    return ["".join(map(_escaped, line)) for line in text.split("\n")]


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
