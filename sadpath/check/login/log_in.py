"""Send the request that logs in, and keep what it gives. Its answer counts as it comes: no redirect is followed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPMessage
from math import inf
from typing import Any
from urllib.parse import urlencode, urlsplit

from sadpath.check.driver import Request, asked
from sadpath.check.login import COOKIE, Auth, csrf
from sadpath.check.login.cookies import Cookie, cookie_header, cookies_set, pairs
from sadpath.check.secret import in_headers
from sadpath.connection import MOST_OF_A_BODY, body
from sadpath.errors import CommandError, Status
from sadpath.fault import keep_secret
from sadpath.text import visible

TOKENS = ("access_token", "accessToken", "access", "token", "auth_token", "authToken", "jwt", "id_token")
"""Fields that have the token in most services; the first that is there is taken where none is named."""

MADE_UP = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What Python raises where a service says what is no time."""

MOST_FIELDS = 10
"""That are named, of an answer without a token."""

FIRST_ERROR = 400
MOVED = {301, 307, 308}
HINTS = {
    400: "see whether it takes json or form, and which fields",
    401: "see whether the user and the password are right",
    403: 'see whether the password is right; a service that wants a CSRF token needs csrf = "/its/login/page"',
    404: "see whether the path is right",
    405: "see whether the method is right",
    415: "see whether it takes json or form",
    422: "see whether it takes json or form, and which fields",
}


@dataclass(frozen=True)
class Login:
    """What a login gave: `headers` for each request, `for_writes` for those that may change data as well.

    It is good for `lives_s` seconds, as far as is known.
    """

    headers: Mapping[str, str]
    for_writes: Mapping[str, str] = field(default_factory=dict)
    lives_s: float = inf


@dataclass(frozen=True)
class _Reply:
    """An answer. `cookies` are those that it sets."""

    status: int
    headers: HTTPMessage
    text: str

    @property
    def cookies(self) -> dict[str, Cookie]:
        return cookies_set(self.headers.get_all("Set-Cookie", []))


@dataclass(frozen=True)
class _Before:
    """What is known before the request: cookies, a CSRF token and the field of a form that it stands in."""

    cookies: Mapping[str, str]
    token: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def log_in(url: str, auth: Auth, headers: Mapping[str, str], within_s: float) -> Login:
    """Log in to the service at `url`, with the user's `headers` beside those of the login, and return what it gave.

    Raises `CommandError` where the service refuses, or gives nothing to keep, and `OSError` where it does not answer.
    """
    keep_secret([*auth.secrets, *in_headers(auth.headers), *in_headers(headers)])
    before = _before(url, auth, headers, within_s)
    reply = _ask(url, _request(url, auth, headers, before), within_s)
    _check(reply, auth)
    token, beside = _token(reply, auth)
    if token:
        keep_secret([token])
        return Login(auth.with_token(token), lives_s=min(_lives_s(token), _expires_in(beside)))
    new = {name: one for name, one in reply.cookies.items() if _is_news(name, one, before.cookies)}
    if not new:
        raise _wrong(auth, reply, f"it gives {'' if auth.keep else 'no token and '}no cookie{_fields_of(reply)}")
    jar = _alive(before.cookies, reply.cookies)
    keep_secret(jar.values())
    lives_s = min(one.lives_s for one in new.values())
    written = csrf.token(_alive({}, reply.cookies), before.cookies) or before.token
    return Login({"Cookie": cookie_header(jar)}, _csrf_headers(url, written), lives_s)


def merged(*all_headers: Mapping[str, str]) -> dict[str, str]:
    """Return all headers, of which a later one wins, however its name is written."""
    named = {name.lower(): (name, value) for headers in all_headers for name, value in headers.items()}
    return dict(named.values())


def _before(url: str, auth: Auth, headers: Mapping[str, str], within_s: float) -> _Before:
    """Ask for the page with the CSRF token, where one is named."""
    known = pairs(next((value for name, value in headers.items() if name.lower() == "cookie"), ""))
    if not auth.csrf:
        return _Before(known)
    reply = _ask(url, Request("GET", auth.csrf, headers), within_s)
    page, cookies = csrf.Page(reply.text), _alive(known, reply.cookies)
    token = csrf.token(page.fields, page.others, cookies)
    if not token:
        where = f"[auth]: GET {auth.csrf.partition('?')[0]}"
        raise CommandError(
            f"{where} was answered with {reply.status} and no CSRF token, in a form, a meta element, JSON or a cookie; "
            "write the path of the login page as csrf, or leave csrf out",
            Status.WRONG_COMMAND,
        )
    keep_secret([token, *cookies.values()])
    return _Before(cookies, token, page.fields)


def _request(url: str, auth: Auth, headers: Mapping[str, str], before: _Before) -> Request:
    """Return the request that logs in."""
    content, media_type = _content(auth, before)
    cookies = {"Cookie": cookie_header(before.cookies)} if before.cookies else {}
    own = {**media_type, **_csrf_headers(url, before.token), **cookies}
    return Request(auth.method, auth.path, merged(headers, own, auth.headers), content)


def _content(auth: Auth, before: _Before) -> tuple[bytes, dict[str, str]]:
    """Return the body of the request, and the header with its media type."""
    if auth.form is not None:
        content = urlencode({**before.fields, **auth.form}).encode()
        return content, {"Content-Type": "application/x-www-form-urlencoded"}
    if auth.json is not None:
        return json.dumps(auth.json).encode(), {"Content-Type": "application/json"}
    return auth.body.encode(), {}


def _csrf_headers(url: str, token: str) -> dict[str, str]:
    """Return what shows that a request is no other page's: the token, and a page of the same origin."""
    return {**dict.fromkeys(csrf.HEADERS, token), "Referer": f"{url.rstrip('/')}/"} if token else {}


def _ask(url: str, request: Request, within_s: float) -> _Reply:
    with asked(url.rstrip("/"), request, most_bytes=MOST_OF_A_BODY, within_s=within_s) as response:
        content = b"".join(body(response, MOST_OF_A_BODY))
        return _Reply(response.status, response.headers, content.decode(errors="replace"))


def _check(reply: _Reply, auth: Auth) -> None:
    """Raise `CommandError` for an answer that is no login. It is not shown: many repeat what they were sent."""
    if reply.status >= FIRST_ERROR:
        raise _wrong(auth, reply, HINTS.get(reply.status, "see what the service logs"))
    to = urlsplit(reply.headers.get("Location", "")).path
    if reply.status in MOVED:
        raise _wrong(auth, reply, f"it leads to {visible(to, most=200)}; if that is right, write it as path")
    pages = {path.partition("?")[0] for path in (auth.path, auth.csrf)} - {"/"}
    if to in pages if to else csrf.Page(reply.text).asks:
        raise _wrong(
            auth, reply, "it asks to log in again; see whether the user, the password and the fields are right"
        )


def _wrong(auth: Auth, reply: _Reply, why: str) -> CommandError:
    return CommandError(f"[auth]: {auth.name} was answered with {reply.status}; {why}", Status.WRONG_COMMAND)


def _token(reply: _Reply, auth: Auth) -> tuple[str, Mapping[str, Any]]:
    """Return the token in an answer and the table that has it; no token where cookies are kept, or none is there.

    Raises `CommandError` where there is none in the field that was named.
    """
    if auth.keep == COOKIE:
        return "", {}
    table = _in_json(reply.text)
    *outer, name = auth.keep.split(".") if auth.keep else [next((one for one in TOKENS if one in table), "")]
    for key in outer:
        inner = table.get(key)
        table = inner if isinstance(inner, dict) else {}
    token = table.get(name)
    if isinstance(token, str) and token.isascii() and token.isprintable() and token:
        return token, table
    if auth.keep:
        raise _wrong(auth, reply, f"it has no token in {auth.keep!r}{_fields_of(reply)}")
    return "", {}


def _fields_of(reply: _Reply) -> str:
    """Return which fields might be kept of an answer, by their names."""
    names = ", ".join([*_in_json(reply.text)][:MOST_FIELDS])
    return f"; it has the fields {visible(names, most=200)}: name one as keep" if names else ""


def _in_json(text: str) -> Mapping[str, Any]:
    """Return the table that an answer in JSON is; an empty one for any other."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_news(name: str, cookie: Cookie, before: Mapping[str, str]) -> bool:
    """Whether a cookie may be what a login gave: services set one for CSRF to anybody."""
    return cookie.lives_s > 0 and bool(cookie.value) and not csrf.is_token(name) and cookie.value != before.get(name)


def _alive(before: Mapping[str, str], cookies: Mapping[str, Cookie]) -> dict[str, str]:
    """Return the cookies after an answer: those it set, and those that it did not delete."""
    now = {**before, **{name: one.value for name, one in cookies.items()}}
    return {name: value for name, value in now.items() if name not in cookies or cookies[name].lives_s > 0}


def _expires_in(table: Mapping[str, Any]) -> float:
    """Return the seconds that an answer of OAuth gives its token."""
    with suppress(*MADE_UP):
        return float(table["expires_in"])
    return inf


def _lives_s(token: str) -> float:
    """Return for how many seconds a JWT is good, by its own clock where it says when it was made; `inf` for others."""
    with suppress(*MADE_UP):
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return max(float(claims["exp"] - claims.get("iat", time.time())), 0.0)
    return inf
