"""What a login gave goes with the requests, and is renewed once it is no longer good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from sadpath.check.driver import Driver, Request
from sadpath.check.find.refusable import Refusable
from sadpath.check.login import Auth
from sadpath.check.login.logged_in import LoggedIn
from sadpath.errors import CommandError
from tests.check.answering import serving

AUTH = Auth("/login", json={"user": "me"})
STATUSES = {"/orders": 200, "/orders/9": 404, "/staff": 403}


@dataclass
class Shop:
    """A service whose sessions are good for so many requests, and which lets somebody log in so often, or answers it.

    `got` are the requests, with the session that each had.
    """

    good_for: int = 10**9
    logins: int = 10**9
    silent_after: int = 10**9
    max_age: str = ""
    refuses_all: bool = False
    got: list[tuple[str, str]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    heads: list[bytes] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def answer(self, head: bytes) -> bytes:
        """Answer a request by its head."""
        self.heads.append(head)
        method, path = head.decode().split()[:2]
        session = head.decode().partition("id=")[2].partition("\r\n")[0]
        self.got.append((f"{method} {path}", session))
        if path == "/login":
            return self._login()
        status = 200 if path == "/public" else self._status(path, session)
        return f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()

    def _status(self, path: str, session: str) -> int:
        self.used[session] += 1
        is_known = session and self.used[session] <= self.good_for and not self.refuses_all
        if path == "/quit":
            self.used[session] = self.good_for
        return STATUSES.get(path.replace("/staff/", "/staff?").partition("?")[0], 404) if is_known else 401

    def _login(self) -> bytes:
        if (number := next(self.numbers)) > self.silent_after:
            return b""
        if number > self.logins:
            return b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n"
        cookies = f"Set-Cookie: id=s{number}{self.max_age}\r\nSet-Cookie: csrftoken=c{number}\r\n"
        return f"HTTP/1.1 200 X\r\n{cookies}Content-Length: 0\r\n\r\n".encode()

    @property
    def times(self) -> int:
        """How often somebody logged in."""
        return sum(line == "POST /login" for line, _ in self.got)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return what it was set to."""
        return self.now


@contextmanager
def logged_in(shop: Shop, clock: Clock | None = None) -> Iterator[LoggedIn]:
    """What sends requests to a shop, once logged in."""
    with serving(shop.answer) as server, Driver(server.url) as driver:
        yield LoggedIn(driver, AUTH, {}, clock or Clock())


def request(sender: LoggedIn, path: str, method: str = "GET") -> Request:
    """A request with the headers of the settings, as the search makes it."""
    return Request(method, path, sender.headers)


def statuses(sender: LoggedIn, *paths: str) -> list[int]:
    """How these are answered, one after the other."""
    return [answer.status for path in paths for answer in sender.answers([request(sender, path)])]


def test_what_a_login_gave_goes_with_the_requests() -> None:
    """As the user's own headers do."""
    with logged_in(Shop()) as sender:
        assert sender.headers == {"Cookie": "id=s1; csrftoken=c1"}
        assert statuses(sender, "/public", "/orders", "/orders/9", "/staff") == [200, 200, 404, 403]


def test_a_request_without_it_stays_without_it() -> None:
    """The search sends some on purpose; and what has to be refused must not be let in."""
    shop = Shop()
    with logged_in(shop) as sender:
        refusable = Refusable("DELETE", "/orders/9", sender.headers, operation="DELETE /orders/{id}")
        assert [one.status for one in sender.answers([Request("GET", "/orders")])] == [401]
        assert [one.status for one in sender.answers([replace(refusable, headers={})])] == [401]
        assert shop.times == 1


def test_what_has_to_be_refused_is_sent_as_it_is() -> None:
    """Nothing is added to it, whatever it has."""
    shop = Shop(max_age="; Max-Age=100")
    with logged_in(shop, clock := Clock()) as sender:
        clock.now = 99
        sender.answers([Refusable("DELETE", "/orders/9", sender.headers, operation="DELETE /orders/{id}")])
    assert b"\r\nCookie: id=s1; csrftoken=c1\r\n" in shop.heads[-1]
    assert b"X-CSRFToken" not in shop.heads[-1]


def test_a_login_that_is_over_is_renewed_while_paths_are_looked_for() -> None:
    """The requests that it lost are sent again, so all answers are of somebody who is logged in."""
    shop = Shop(good_for=5)
    with logged_in(shop) as sender:
        assert statuses(sender, "/orders", *["/orders/9"] * 20) == [200, *[404] * 20]
    assert 1 < shop.times < 10


def test_what_says_that_it_changes_something_is_not_asked_whether_a_login_is_over() -> None:
    """It would be sent once more, as nobody."""
    path = "/orders?_method=PUT"
    with logged_in(shop := Shop()) as sender:
        assert statuses(sender, path) == [200]
    assert [line for line, _ in shop.got] == ["POST /login", f"GET {path}"]


def test_a_login_that_is_over_is_renewed_in_a_round() -> None:
    """As many answers count as requests were asked for, and none of them is of nobody."""
    shop = Shop(good_for=20)
    with logged_in(shop) as sender:
        statuses(sender, "/orders/9")
        sent = sender.send([request(sender, "/orders/9")], 50)
    assert (sent.statuses, len(sent.seconds)) == ({404: 50}, 50)
    assert shop.times == 3


def test_a_request_that_is_refused_to_who_is_logged_in_is_no_reason_to_log_in_again() -> None:
    """A request that nobody may send tells nothing, once and in a round."""
    shop = Shop()
    with logged_in(shop) as sender:
        assert statuses(sender, "/orders", "/staff", "/staff") == [200, 403, 403]
        assert sender.send([request(sender, "/staff")], 20).statuses == {403: 20}
    assert shop.times == 1


def test_other_ids_that_nobody_may_see_are_no_reason_to_ask() -> None:
    """What is asked in between would be in the round."""
    shop = Shop()
    with logged_in(shop) as sender:
        assert statuses(sender, "/orders", "/staff/1") == [200, 403]
        before = len(shop.got)
        sender.send([request(sender, f"/staff/{number}") for number in range(100, 110)], 10)
    assert len(shop.got) == before + 10


def test_without_a_witness_an_answer_that_was_another_before_tells_it() -> None:
    """As where only what may change data was named: once, since it may be what the service does."""
    shop = Shop(good_for=3)
    with logged_in(shop) as sender:
        order = request(sender, "/orders/9", "POST")
        assert [answer.status for answer in sender.answers([order])] == [404]
        assert sender.send([order], 4).statuses == {404: 4}
        shop.refuses_all = True
        assert sender.send([order], 4).statuses == {401: 4}
    assert shop.times == 2


def test_what_is_answered_to_anybody_is_no_witness() -> None:
    """It is answered to somebody whose login is over, too."""
    shop = Shop(good_for=3)
    with logged_in(shop) as sender:
        assert statuses(sender, "/public", *["/orders/9"] * 9) == [200, *[404] * 9]
    assert shop.times > 1


def test_an_operation_that_logs_out_costs_the_others_nothing() -> None:
    """Its own answers are what they are."""
    shop = Shop(good_for=1000)
    with logged_in(shop) as sender:
        assert statuses(sender, "/orders", "/quit", "/orders/9", "/quit", "/orders") == [200, 404, 404, 404, 200]
        sent = sender.send([request(sender, "/quit/me")], 3)
    assert sent.statuses == {404: 3}
    assert shop.times == 3


def test_a_round_that_logs_out_each_time_ends() -> None:
    """With the refusals that it brought about."""
    shop = Shop(good_for=1000)
    with logged_in(shop) as sender:
        assert statuses(sender, "/orders", "/quit") == [200, 404]
        sent = sender.send([request(sender, "/quit")], 50)
    assert sent.statuses == {404: 5, 401: 45}


def test_a_login_is_renewed_before_it_ends() -> None:
    """Where it says how long it is good for, no request is refused for that."""
    shop = Shop(max_age="; Max-Age=100")
    with logged_in(shop, clock := Clock()) as sender:
        for clock.now in (0, 79, 81, 160, 162):
            sender.send([request(sender, "/orders/9")], 2)
    sessions = [session.partition(";")[0] for line, session in shop.got if line != "POST /login"]
    assert sessions == [*["s1"] * 4, *["s2"] * 4, *["s3"] * 2]


def test_a_login_of_some_seconds_is_renewed_when_it_is_over() -> None:
    """Else there would be one for each round; another cookie than the session's may be as short."""
    shop = Shop(max_age="; Max-Age=5")
    with logged_in(shop, clock := Clock()) as sender:
        for clock.now in range(0, 100, 10):
            statuses(sender, "/orders")
    assert shop.times == 1


def test_what_may_change_data_carries_the_newest_csrf_token() -> None:
    """A GET does not need it."""
    shop = Shop(max_age="; Max-Age=100")
    with logged_in(shop, clock := Clock()) as sender:
        sender.answers([request(sender, "/orders")])
        clock.now = 99
        sender.answers([request(sender, "/orders", "POST")])
    assert not any(b"X-CSRFToken" in head for head in shop.heads[:2])
    assert b"\r\nX-CSRFToken: c2\r\n" in shop.heads[-1]


def test_a_login_that_is_not_renewed_ends_the_check() -> None:
    """It says why, and what was sent before: that may have closed the account."""
    with logged_in(Shop(good_for=5, logins=1)) as sender, pytest.raises(CommandError) as wrong:
        statuses(sender, "/orders", *["/orders/9"] * 20)
    says = "cannot log in again after GET /orders/9: [auth]: POST /login was answered with 429"
    assert wrong.value.message.startswith(says)


def test_a_renewed_login_that_is_not_good_ends_the_check() -> None:
    """Else there would be one for each request."""
    shop = Shop()
    with logged_in(shop) as sender:
        statuses(sender, "/orders", "/orders/9")
        shop.refuses_all = True
        with pytest.raises(CommandError, match="logged in again after GET /orders/9, but GET /orders is refused"):
            statuses(sender, "/orders/9")
    assert shop.times == 2


def test_a_service_that_is_gone_when_a_login_ends_is_no_refusal() -> None:
    """That requests are not answered says it."""
    with serving(Shop(max_age="; Max-Age=100").answer) as server:
        driver = Driver(server.url)
        sender = LoggedIn(driver, AUTH, {}, clock := Clock())
    with driver:
        clock.now = 99
        sent = sender.send([request(sender, "/orders")], 1)
    assert (sent.answered, sum(sent.failures.values())) == (0, 1)


def test_a_service_that_does_not_answer_a_login_in_time_is_asked_once() -> None:
    """Each time takes as long as it may take."""
    shop = Shop(max_age="; Max-Age=100", silent_after=1)
    with logged_in(shop, clock := Clock()) as sender:
        for clock.now in (99, 200, 300):
            assert statuses(sender, "/orders") == [200]
    assert shop.times == 2


def test_what_says_that_it_logs_out_is_no_witness() -> None:
    """It would do so each time."""
    shop = Shop()
    with logged_in(shop) as sender:
        statuses(sender, "/logout", "/staff")
    assert [line for line, _ in shop.got].count("GET /logout") == 1


def test_a_login_that_makes_no_difference_is_said() -> None:
    """Most likely something else of its answer has to be kept."""
    with logged_in(Shop(refuses_all=True)) as sender:
        statuses(sender, "/public", "/orders", "/orders/9")
        (note,) = sender.doubts()
    assert (
        note
        == "the login by POST /login made no difference: 2 of 3 requests with it were refused; see what [auth] keeps"
    )
    with logged_in(Shop()) as sender:
        statuses(sender, "/public", "/orders", "/staff")
        assert sender.doubts() == []


def test_a_service_that_does_not_answer_a_login_is_one_line() -> None:
    """With what was asked."""
    says = r"\[auth\]: POST /login was not answered \(RemoteDisconnected"
    with serving(lambda _: b"") as server, Driver(server.url) as driver, pytest.raises(CommandError, match=says):
        LoggedIn(driver, AUTH, {})
