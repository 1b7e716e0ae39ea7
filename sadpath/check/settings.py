"""What `sadpath check` is told: by `sadpath.toml`, and by its options, which win."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sadpath.check.result import Request
from sadpath.errors import CommandError, Status
from sadpath.verdict.verdict import FLAT_BELOW_EXACT

FILE = Path("sadpath.toml")
UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}


@dataclass(frozen=True)
class Settings:
    """All that a check depends on. `headers` go with every request; `requests` are driven alone unless `schema` is
    named as well. `include` and `exclude` are patterns of paths, such as `/users/*` or `POST /orders/*`.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    schema: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
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
    except OSError as error:
        raise CommandError(f"cannot read {where}: {error.strerror}", Status.WRONG_COMMAND) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{where}: {error}", Status.WRONG_COMMAND) from error
    try:
        return _settings(content)
    except ValueError as error:
        raise CommandError(f"{where}: {error}", Status.WRONG_COMMAND) from error


def request(text: str) -> Request:
    """Return the request of `GET /users/999`; without a method it is GET. Raises `CommandError`."""
    found = re.fullmatch(r"(?:([A-Za-z]+)\s+)?(/\S*)", text.strip())
    if not found:
        raise CommandError(
            f"expected a method and a path, got {text!r} (for example 'GET /users/999')", Status.WRONG_COMMAND
        )
    return Request((found[1] or "GET").upper(), found[2])


def size(text: str) -> int:
    """Return the bytes of `512MB` or `1.5GiB`. Raises `CommandError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in UNITS or not float(found[1]):
        raise CommandError(f"expected a size, got {text!r} (for example 512MiB)", Status.WRONG_COMMAND)
    return int(float(found[1]) * UNITS[found[2]])


def overridden(settings: Settings, **options: Any) -> Settings:
    """Return the settings with those options that were given: neither None nor empty."""
    known = {one.name for one in fields(Settings)}
    given = {name: value for name, value in options.items() if value not in (None, (), "", False)}
    assert given.keys() <= known  # noqa: S101 - our own call
    return checked(replace(settings, **given))


def checked(settings: Settings) -> Settings:
    """Return the settings. Raises `CommandError` for a value that makes no sense."""
    for name, least in (("budget_s", 1.0), ("bytes_per_request", 1.0), ("timeout_s", 0.1), ("concurrency", 1)):
        if not getattr(settings, name) >= least:
            raise CommandError(
                f"{name} has to be {least:g} or more, got {getattr(settings, name):g}", Status.WRONG_COMMAND
            )
    return settings


def _settings(content: Mapping[str, Any]) -> Settings:
    """Return the settings of a file's content. Raises `ValueError`."""
    top, paths, limits = (
        _table(content, TOP),
        _table(content.get("paths", {}), PATHS, "paths"),
        content.get("limits", {}),
    )
    numbers = _table(limits, LIMITS, "limits")
    requests = tuple(_request(one, number) for number, one in enumerate(content.get("request", []), 1))
    known = {name: value for name, value in top.items() if name not in ("paths", "limits", "request")}
    return checked(Settings(**known, **paths, **numbers, requests=requests))


def _request(one: Any, number: int) -> Request:
    found = _table(one, REQUEST, f"request {number}")
    if not str(found.get("path", "")).startswith("/"):
        raise ValueError(f"request {number} needs a path that begins with /")
    return Request(
        found.get("method", "GET").upper(), found["path"], found.get("headers", {}), found.get("body", "").encode()
    )


Reads = tuple[Callable[[Any], Any], str]
"""What turns a value into the setting, raising `ValueError` or `TypeError`, and what is expected, in words."""


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


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {name: _text(one) for name, one in value.items()}


def _bytes(value: Any) -> int:
    return size(value) if isinstance(value, str) else _whole(value)


def _any(value: Any) -> Any:
    return value


TEXT: Reads = (_text, "text")
NUMBER: Reads = (_number, "a number")
HEADERS: Reads = (_headers, "a table of texts")
PATTERNS: Reads = (_texts, "a list of texts")
TOP: Mapping[str, Reads] = {
    "headers": HEADERS,
    "schema": TEXT,
    "writes": (_yes_or_no, "true or false"),
    "concurrency": (_whole, "a whole number"),
    "paths": (_any, "a table"),
    "limits": (_any, "a table"),
    "request": (_any, "a list of tables"),
}
PATHS: Mapping[str, Reads] = {"include": PATTERNS, "exclude": PATTERNS}
LIMITS: Mapping[str, Reads] = {
    "budget_s": NUMBER,
    "bytes_per_request": NUMBER,
    "timeout_s": NUMBER,
    "memory_limit": (_bytes, "a size, such as 512MiB"),
}
REQUEST: Mapping[str, Reads] = {"method": TEXT, "path": TEXT, "headers": HEADERS, "body": TEXT}


def _table(content: Any, known: Mapping[str, Reads], name: str = "") -> dict[str, Any]:
    """Return the settings of a table. Raises `ValueError` for what is unknown, with the name that was likely meant."""
    where = f"[{name}]: " if name else ""
    if not isinstance(content, dict):
        raise ValueError(f"{name} has to be a table")  # noqa: TRY004 - as for any other content
    found = {}
    for key, value in content.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{where}unknown key {key!r}; {hint}")
        read, expected = known[key]
        try:
            found[key] = read(value)
        except TypeError:
            raise ValueError(f"{where}{key} has to be {expected}, got {value!r}") from None
    return found
