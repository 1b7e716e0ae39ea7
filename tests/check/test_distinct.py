"""Requests with other inputs each time: which vary, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import pytest

from sadpath.check.driver import Request, Sent
from sadpath.check.find import ErrorPath
from sadpath.check.find.named import named
from sadpath.check.find.refusable import BROKEN_JSON, Barrier, Refusable
from sadpath.check.measure.distinct import distinct, inputs_of, varying
from sadpath.check.measure.rounds import Disturbed

LOGIN = Request("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, b"name=a&word=b")
TOKEN = {"Authorization": "Bearer wrong"}


def paths(path: ErrorPath, needed: int) -> list[str]:
    """The paths of the first requests."""
    made = distinct(path, numbers=count(1))
    assert made
    return [one.path for one in made(needed)]


def test_no_two_requests_are_the_same() -> None:
    """From one round to the next, and whoever asks for them."""
    path = ErrorPath("GET", "/users/{id}", 404, Request("GET", "/users/999"))
    one, other = distinct(path), distinct(path)
    assert one
    assert other
    assert len({made.path for made in (*one(20), *one(20), *other(20))}) == 60


def test_one_input_varies_in_each_request() -> None:
    """It is all that there is."""
    path = ErrorPath("GET", "/users/{id}", 404, Request("GET", "/users/999"))
    assert paths(path, 3) == ["/users/1000", "/users/1001", "/users/1002"]


def test_of_several_all_vary_in_three_of_four_requests_and_one_in_between() -> None:
    """In turn: a dictionary may have one of them as its key, behind what another one is refused for."""
    path = ErrorPath("GET", "/{a}", 404, Request("GET", "/a?b=b"))
    assert paths(path, 8)[2:] == ["/a3?b=b3", "/a4?b=b", "/a5?b=b5", "/a6?b=b6", "/a7?b=b7", "/a?b=b8"]


def varying_texts(request: Request, status: int = 404, template: str = "") -> list[str]:
    """In which texts of a request its inputs are."""
    return [one.text for one in inputs_of(ErrorPath(request.method, template, status, request))]


def test_headers_of_the_user_never_vary() -> None:
    """They may be credentials, or what the service tells its users apart by."""
    path = ErrorPath("GET", "/", 401, Request("GET", "/", {"X-Tenant": "7", "X-Other": "8", **TOKEN}))
    assert [one.text for one in inputs_of(path, {"X-Tenant": "7", **TOKEN})] == ["path", "header X-Other"]


def test_cookies_of_the_user_never_vary() -> None:
    """Beside others, which do: one of them may be a login."""
    path = ErrorPath("GET", "/", 404, Request("GET", "/", {"Cookie": "theme=dark; session=good"}))
    assert [one.value for one in inputs_of(path, {"Cookie": "session=good"})] == ["", "dark"]


@pytest.mark.parametrize(("status", "number"), [(401, 1), (403, 1), (404, 0), (422, 0)])
def test_credentials_vary_where_they_were_refused(status: int, number: int) -> None:
    """A token that is good stays."""
    assert varying_texts(Request("GET", "/", TOKEN), status).count("header Authorization") == number


@pytest.mark.parametrize(("barrier", "body"), [(Barrier.BODY, BROKEN_JSON), (Barrier.CREDENTIALS, b"")])
def test_of_what_has_to_be_refused_nothing_varies_but_a_broken_body(barrier: Barrier, body: bytes) -> None:
    """Which stays broken. Another id may be one that the service knows."""
    request = Refusable("POST", "/users/9?a=b", {"X": "y"}, body, "POST /users/{id}", barrier)
    made = distinct(ErrorPath("POST", "/users/{id}", 422, request), numbers=count(1))
    bodies = [one.body for one in made(2)] if made else []
    assert bodies == ([b'{"broken1', b'{"broken2'] if barrier is Barrier.BODY else [])
    assert not made or all(isinstance(one, Refusable) and one.path == request.path for one in made(2))


def test_a_path_that_says_that_it_changes_something_gets_no_other_values() -> None:
    """It was included by its full name, for the value that it was found with."""
    assert varying_texts(Request("GET", "/orders/9/cancel"), template="/orders/{id}/cancel") == []


def test_what_was_named_with_braces_varies_there_alone() -> None:
    """Also where it may change data: it was named to be repeated."""
    request = named(Request("POST", "/users/{id}?a=b", {"X": "y"}, b'{"c": "d"}'), may_vary=False)
    path = ErrorPath("POST", "/users/{id}", 404, request)
    assert paths(path, 2) == ["/users/1000000000?a=b", "/users/1000000001?a=b"]


def test_what_was_named_without_braces_varies_if_it_may() -> None:
    """Else it is sent as it stands."""
    assert varying_texts(named(LOGIN, may_vary=True)) == ["path", "body", "body"]
    assert varying_texts(named(LOGIN, may_vary=False)) == []


def test_braces_that_are_sent_as_such_do_not_vary() -> None:
    """They are no template."""
    request = named(Request("GET", "/{{id}}?q=1"), may_vary=True)
    assert [one.value for one in inputs_of(ErrorPath("GET", "/{{id}}", 404, request))] == ["1"]
    assert [one.value for one in inputs_of(ErrorPath("GET", "/{id}", 404, request))] == ["1"]


def test_no_more_than_thirty_vary() -> None:
    """So that each has its share."""
    query = "&".join(f"q={number}" for number in range(100))
    assert len(varying_texts(Request("GET", f"/?{query}"))) == 30


def test_many_inputs_vary_together() -> None:
    """Each alone would have too few of the requests."""
    path = ErrorPath("GET", "/", 404, Request("GET", "/?a=0&b=0&c=0&d=0&e=0&f=0"))
    assert all("=0" not in one for one in paths(path, 30))


class Service:
    """Answers each request as it is told to."""

    connections = 1

    def __init__(self, status: Callable[[Request], int]) -> None:
        self._status = status

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Answer them at once."""
        statuses = [self._status(requests[turn % len(requests)]) for turn in range(count)]
        return Sent({status: statuses.count(status) for status in statuses}, {}, (0.001,) * count)


FOUND = ErrorPath("GET", "/{a}", 404, Request("GET", "/a?b=b&c=c"))


def tried(status: Callable[[Request], int]) -> list[str]:
    """The paths of the requests that are left once the inputs were tried."""
    return [one.path for one in varying(FOUND, Service(status), numbers=count(1))(4)]


def test_an_input_that_changes_the_status_does_not_vary() -> None:
    """It would be another path."""
    assert tried(lambda one: 404 if "b=b&" in one.path else 422) == [
        "/a5?b=b&c=c5",
        "/a6?b=b&c=c6",
        "/a7?b=b&c=c7",
        "/a8?b=b&c=c",
    ]


def test_inputs_that_change_the_status_together_vary_alone() -> None:
    """As where one has to fit the other."""
    assert tried(lambda one: 404 if sum(map(str.isdecimal, one.path)) < 2 else 422) == [
        "/a5?b=b&c=c",
        "/a?b=b6&c=c",
        "/a?b=b&c=c7",
        "/a8?b=b&c=c",
    ]


def test_of_many_inputs_those_that_change_the_status_are_looked_for() -> None:
    """One by one, once it was seen that some do."""
    many = ErrorPath("GET", "/", 404, Request("GET", "/?a=0&b=0&c=0&d=0&e=0&f=0&g=0"))
    sent: list[str] = []

    def status(one: Request) -> int:
        sent.append(one.path)
        return 404 if "e=0" in one.path else 422

    made = varying(many, Service(status), numbers=count(1))(8)
    assert all(one.path.count("=0") == 1 for one in made)
    assert len(sent) == 1 + 7 + 1
    assert len(varying(many, Service(lambda _: 404), numbers=count(1))(3)) == 3


def test_of_a_slow_path_fewer_inputs_are_tried() -> None:
    """What was not tried in time does not vary."""
    made = varying(FOUND, Service(lambda _: 404), numbers=count(1), within_s=0.0)(2)
    assert [one.path for one in made] == ["/a3?b=b&c=c", "/a4?b=b&c=c"]


def test_where_each_input_changes_the_status_that_is_said() -> None:
    """Then nothing is measured a second time."""
    with pytest.raises(Disturbed, match="with other inputs it is not answered with 404"):
        tried(lambda _: 422)
