"""The request that logs in: what it sends, what is kept of its answer, and what is no login."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import pytest

from sadpath.check.login import Auth
from sadpath.check.login.csrf import LONGEST_PAGE
from sadpath.check.login.log_in import Login, log_in, merged
from sadpath.errors import CommandError, Status
from sadpath.fault import without_secrets
from tests.check.answering import Server, serving

JSON = Auth("/auth/token", json={"username": "me", "password": "s3same"})
FORM = Auth("/login", form={"user": "me", "password": "s3same&open=1"}, csrf="/login")
PAGE = '<form><input type="hidden" name="csrf_token" value="c&amp;1"><input type="password" name="password"></form>'


def answer(content: object = "", *headers: str, status: int = 200) -> bytes:
    """An answer with a page, or with JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    head = (f"HTTP/1.1 {status} X", f"Content-Length: {len(text.encode())}", *headers)
    return "\r\n".join([*head, "", text]).encode()


def logged_in(auth: Auth, *answers: bytes, **headers: str) -> tuple[Login, Server]:
    """What a login gives where the service answers so, one request after the other."""
    left = iter(answers)
    with serving(lambda _: next(left)) as service:
        return log_in(service.url, auth, headers, 60), service


@dataclass(frozen=True)
class Got:
    """A request that a server got."""

    line: str
    headers: Mapping[str, str]
    body: bytes


def got(service: Server) -> list[Got]:
    """All requests, in their order."""
    return [_parsed(head.decode().split("\r\n")) for head in service.heads]


def _parsed(lines: list[str]) -> Got:
    line, *headers, body = lines
    return Got(line, dict(one.split(": ", 1) for one in headers), body.encode())


def test_a_token_of_json_is_sent_as_a_bearer_token() -> None:
    """The field that most services have is found without a name."""
    login, service = logged_in(JSON, answer({"token_type": "bearer", "access_token": "abcd"}))
    assert login == Login({"Authorization": "Bearer abcd"})
    (request,) = got(service)
    assert request.line == "POST /auth/token HTTP/1.1"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == JSON.json


def test_the_field_and_the_header_of_a_token_may_be_named() -> None:
    """A field may be deep; an API key has a header of its own."""
    auth = Auth("/login", keep="data.key", header="X-Shop-Key: {token}")
    login, _ = logged_in(auth, answer({"token": "not this", "data": {"key": "abcd"}}))
    assert login.headers == {"X-Shop-Key": "abcd"}


def test_cookies_are_kept_where_no_token_is_there() -> None:
    """A redirect after a form is an answer like others; a cookie that it deletes is not sent any more."""
    page = answer(PAGE, "Set-Cookie: csrf=c1", "Set-Cookie: old=1")
    done = answer("", "Set-Cookie: id=abcd; Path=/; HttpOnly", "Set-Cookie: old=; Max-Age=0", "Location: /", status=302)
    login, _ = logged_in(FORM, page, done)
    assert login.headers == {"Cookie": "csrf=c1; id=abcd"}


def test_cookies_of_the_user_go_along() -> None:
    """In the same header; a cookie of the service wins."""
    done = answer("", "Set-Cookie: id=abcd")
    login, service = logged_in(Auth("/login"), done, Cookie="theme=dark; id=old")
    assert login.headers == {"Cookie": "theme=dark; id=abcd"}
    assert got(service)[0].headers["Cookie"] == "theme=dark; id=old"


def test_a_form_goes_with_the_token_and_the_cookies_of_its_page() -> None:
    """The token is in the form, and in a header for what has no field for it."""
    _, service = logged_in(FORM, answer(PAGE, "Set-Cookie: csrf=c1"), answer("", "Set-Cookie: id=abcd"))
    page, login = got(service)
    assert page.line == "GET /login HTTP/1.1"
    assert login.body == b"csrf_token=c%261&user=me&password=s3same%26open%3D1"
    assert (login.headers["X-CSRFToken"], login.headers["Cookie"]) == ("c&1", "csrf=c1")
    assert login.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "page",
    [
        answer('<meta name="csrf-token" content="c1">'),
        answer("", "Set-Cookie: XSRF-TOKEN=c1; Path=/"),
        answer({"csrfToken": "c1"}),
        answer('<input name=csrfmiddlewaretoken value="c1">'),
        answer("<input name=_xsrf value=c1>"),
    ],
)
def test_a_csrf_token_is_found(page: bytes) -> None:
    """In a form, a meta element, a cookie or JSON, whatever the framework calls it."""
    _, service = logged_in(FORM, page, answer("", "Set-Cookie: id=abcd"))
    assert got(service)[1].headers["X-CSRFToken"] == "c1"


LATE = " " * LONGEST_PAGE + PAGE


@pytest.mark.parametrize("page", ["<" * (1 << 20), LATE, "<![x[", "<input value='&#99999999999;'>", "[" * 100_000])
def test_a_page_that_nobody_can_read_has_no_token(page: str) -> None:
    """Whatever it is, it takes no longer than a page does."""
    with pytest.raises(CommandError, match="GET /login was answered with 200 and no CSRF token"):
        logged_in(FORM, answer(page))


def test_what_may_change_data_has_the_newest_csrf_token() -> None:
    """Django changes it with the login."""
    page = answer(PAGE, "Set-Cookie: csrftoken=c1")
    login, service = logged_in(FORM, page, answer("", "Set-Cookie: csrftoken=c2", "Set-Cookie: sessionid=abcd"))
    assert login.for_writes["X-CSRFToken"] == "c2"
    assert login.for_writes["Referer"] == f"{service.url}/"


def test_headers_of_the_user_go_with_the_login_and_its_own_win() -> None:
    """However their names are written."""
    auth = Auth("/login", headers={"content-type": "text/x"}, body="me:s3same")
    _, service = logged_in(auth, answer({"token": "abcd"}), **{"X-Tenant": "1", "Content-Type": "text/y"})
    sent = got(service)[0].headers
    assert (sent["X-Tenant"], sent["content-type"]) == ("1", "text/x")
    assert "Content-Type" not in sent


def test_a_later_header_wins_however_its_name_is_written() -> None:
    """A name is the same in small letters."""
    assert merged({"A": "1", "b": "2"}, {"a": "3"}) == {"a": "3", "b": "2"}


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize(
    ("content", "lives_s"),
    [
        (answer({"token": "abcd"}), inf),
        (answer({"token": "abcd", "expires_in": 3600}), 3600),
        (answer({"token": jwt(iat=1_000, exp=1_900)}), 900),
        (answer({"token": jwt(exp="never")}), inf),
        (answer({"token": jwt(iat=0, exp=10**400)}), inf),
        (answer({"token": "abcd", "expires_in": "soon"}), inf),
        (answer({"token": "abcd", "expires_in": 10**400}), inf),
        (answer({"token": "a.b.c"}), inf),
        (answer("", "Set-Cookie: id=abcd; Max-Age=60", "Set-Cookie: seen=1; Max-Age=9"), 9),
        (answer("", "Set-Cookie: id=abcd; Max-Age=soon"), inf),
    ],
)
def test_a_login_says_for_how_long_it_is_good(content: bytes, lives_s: float) -> None:
    """By OAuth's field, by the claims of a JWT, or by the age of a cookie; without these it is unknown."""
    login, _ = logged_in(Auth("/login"), content)
    assert login.lives_s == lives_s


@pytest.mark.parametrize(
    ("auth", "answers", "says"),
    [
        (JSON, [answer({"detail": "s3same is wrong"}, status=401)], "was answered with 401; see whether the user and"),
        (JSON, [answer({"input": "s3same"}, status=422)], "was answered with 422; see whether it takes json or form"),
        (JSON, [answer(status=403)], "with 403; see whether the password is right; a service that wants a CSRF token"),
        (JSON, [answer(status=500)], "was answered with 500; see what the service logs"),
        (JSON, [answer("", "Location: http://other/auth/token/", status=307)], "with 307; it leads to /auth/token/"),
        (JSON, [answer({"ok": True})], "no token and no cookie; it has the fields ok: name one as keep"),
        (JSON, [answer("welcome")], "was answered with 200; it gives no token and no cookie"),
        (Auth("/a", keep="data.token"), [answer({"data": {"key": "s3same"}})], "no token in 'data.token'; it has the"),
        (Auth("/a", keep="cookie"), [answer({"token": "s3same"})], "it gives no cookie"),
        (FORM, [answer(PAGE, "Set-Cookie: csrf=c1"), answer(PAGE, "Set-Cookie: csrf=c2")], "it asks to log in again"),
        (FORM, [answer(PAGE), answer("", "Location: /login?wrong=1", status=302)], "it asks to log in again"),
        (FORM, [answer(PAGE, "Set-Cookie: id=1"), answer("", "Set-Cookie: id=1")], "it gives no token and no cookie"),
        (FORM, [answer(PAGE), answer("", "Set-Cookie: csrftoken=c2")], "it gives no token and no cookie"),
        (FORM, [answer("no form")], "GET /login was answered with 200 and no CSRF token"),
    ],
)  # fmt: skip
def test_what_is_no_login_is_one_line(auth: Auth, answers: list[bytes], says: str) -> None:
    """It says what to look at, and shows nothing that the service answers: many repeat what they were sent."""
    with pytest.raises(CommandError, match=re.escape(says)) as wrong:
        logged_in(auth, *answers)
    assert wrong.value.exit_code == Status.WRONG_COMMAND
    assert wrong.value.message.startswith("[auth]: ")
    assert "s3same" not in wrong.value.message


def test_no_redirect_is_followed() -> None:
    """It may lead to somebody else, who would get the password."""
    with serving() as other:
        with pytest.raises(CommandError, match="it leads to /take"):
            logged_in(JSON, answer("", f"Location: {other.url}/take", status=307))
        assert not other.heads


def test_what_was_sent_and_what_was_given_is_in_no_report_of_a_fault() -> None:
    """The password, and the token."""
    logged_in(JSON, answer({"token": "t0ken-of-a-login"}))
    assert without_secrets("s3same and t0ken-of-a-login") == "… and …"


def test_no_part_of_what_was_sent_is_in_a_report_of_a_fault() -> None:
    """Nor a number, a value of the query, a cookie, or what a page gave for the form."""
    auth = Auth("/login?key=of-the-query", json={"pin": 271828, "is_pin": True}, csrf="/login")
    page = answer('<meta name="csrf-token" content="of-the-page">', "Set-Cookie: seen=of-the-cookie")
    with pytest.raises(CommandError):
        logged_in(auth, page, answer(status=401), cookie="id=of-the-user")
    said = "of-the-query 271828 of-the-page of-the-cookie of-the-user True true"
    assert without_secrets(said) == "… … … … … True true"


def test_a_service_that_does_not_answer_is_no_refusal() -> None:
    """Whoever asked decides what that means."""
    with serving(lambda _: b"") as service, pytest.raises(OSError, match="closed connection"):
        log_in(service.url, JSON, {}, 60)
