"""Requests are sent in exact numbers, as they are, and each is answered or has failed when the call returns."""

from __future__ import annotations

from contextlib import closing

import pytest

from sadpath.check.driver import NOT_SENT, Client, Driver, Request
from sadpath.check.shape import UNSEEN
from sadpath.errors import CommandError
from tests.check.answering import NOT_FOUND, serving
from tests.waiting import until

LAST = b"HTTP/1.1 404 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
UNTIL_CLOSED = b"HTTP/1.0 404 X\r\n\r\nuntil the connection ends"


@pytest.mark.parametrize("connections", [1, 4])
def test_exactly_so_many_are_sent_in_turn(connections: int) -> None:
    """Over as many connections, which are kept."""
    requests = [Request("GET", "/a"), Request("GET", "/b")]
    with serving() as server, Driver(server.url, connections=connections) as driver:
        sent = driver.send(requests, 101)
        driver.send(requests, 50)
    assert (sent.answered, sent.statuses, sent.failures, len(sent.seconds)) == (101, {404: 101}, {}, 101)
    assert sum(head.startswith(b"GET /a ") for head in server.heads) == 51 + 25
    assert len(server.heads) == 151
    assert server.connections == connections


def test_a_request_is_sent_as_it_is() -> None:
    """Its path is not normalised, its headers are its own, and nothing is added but what HTTP needs."""
    request = Request("POST", "/a/../b%2F?x=1;y", {"X-Shop": "1", "Content-Type": "text/x"}, b"body")
    with serving() as server, Driver(f"{server.url}/api/") as driver:
        driver.answers([request, Request("GET", "/")])
    host = server.url.removeprefix("http://").encode()
    line, *headers = server.heads[0].splitlines()
    assert line == b"POST /api/a/../b%2F?x=1;y HTTP/1.1"
    assert sorted(headers) == sorted(
        [b"Host: " + host, b"X-Shop: 1", b"Content-Type: text/x", b"Content-Length: 4", b"body"]
    )
    assert server.heads[1] == b"GET /api/ HTTP/1.1\r\nHost: " + host + b"\r\n"


@pytest.mark.parametrize("answer", [LAST, UNTIL_CLOSED])
def test_an_answer_that_ends_its_connection_is_read_whole(answer: bytes) -> None:
    """The next request opens another."""
    with serving(lambda _: answer, closes=True) as server, Driver(server.url) as driver:
        assert driver.send([Request("GET", "/")], 5).statuses == {404: 5}
    assert server.connections == 5


def test_a_connection_that_was_closed_while_idle_is_opened_again() -> None:
    """Without sending anything twice: a service may close it after some seconds, and that is no failure."""
    with serving(closes=True) as server, Driver(server.url) as driver:
        assert driver.answers([Request("GET", "/")])[0].status == 404
        until(lambda: driver._clients[0]._http and driver._clients[0]._http.is_spent(), 60, "the end")  # noqa: SLF001
        assert driver.answers([Request("POST", "/")])[0].status == 404
    assert len(server.heads) == 2


def test_a_request_that_met_a_closing_connection_is_sent_over_another() -> None:
    """In a round, where each is one of many; and elsewhere where its method allows that."""
    with serving(closes=True) as server, Driver(server.url) as driver:
        assert driver.send([Request("POST", "/")], 50).statuses == {404: 50}
        assert {one.status for one in driver.answers([Request("GET", "/")] * 50)} == {404}


def test_a_request_that_may_not_be_sent_twice_never_meets_a_closing_connection() -> None:
    """It has a connection of its own: a server may end one after an error that nothing has handled, just then."""
    used: set[int] = set()

    def once(_: bytes) -> bytes:
        is_first = server.connections not in used
        used.add(server.connections)
        return NOT_FOUND if is_first else b""

    with serving(once) as server, Driver(server.url) as driver:
        answers = driver.answers([Request(method, "/") for method in ("GET", "POST", "PATCH", "GET", "POST")])
    assert [one.failure for one in answers] == [""] * 5
    assert sum(not head.startswith(b"GET") for head in server.heads) == 3


def test_an_answer_has_a_shape_in_a_search_and_none_in_a_round() -> None:
    """A round is as fast as it can be."""
    with serving(lambda _: NOT_FOUND.replace(b"{}", b"no")) as server, Driver(server.url) as driver:
        (found,) = driver.answers([Request("GET", "/")])
        with closing(Client(server.url, 10.0)) as client:
            of_a_round = client.send(Request("GET", "/"), may_repeat=True)
    assert (found.shape.words, of_a_round.shape) == ("no", UNSEEN)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"\x00\xffnot HTTP at all\r\n\r\n", "BadStatusLine"),
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.1 404 X\r\nContent-Le", "no answer within 0.2 s"),
        (b"HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\nthe", "the answer did not end within 0.2 s"),
    ],
)
def test_what_is_no_answer_is_a_failure_that_says_why(answer: bytes, failure: str) -> None:
    """Also where it comes byte by byte: the whole has to come in time."""
    with serving(lambda _: answer) as server, Driver(server.url, timeout_s=0.2) as driver:
        (found,) = driver.answers([Request("GET", "/")])
    assert found.failure.startswith(failure)


def test_after_three_failures_in_a_row_no_more_are_sent() -> None:
    """A service that hangs would make us wait for each."""
    with serving(lambda _: b"") as server, Driver(server.url) as driver:
        sent = driver.send([Request("GET", "/")], 100)
        answers = driver.answers([Request("GET", "/")] * 5)
    assert (sent.answered, sum(sent.failures.values())) == (0, 3)
    assert [one.failure == NOT_SENT for one in answers] == [False, False, False, True, True]
    assert len(server.heads) == 6


def test_a_body_is_read_up_to_a_mebibyte() -> None:
    """Then its connection is dropped, and the status counts."""
    long = b"HTTP/1.1 500 X\r\nContent-Length: 9000000\r\n\r\n" + b"x" * (3 << 20)
    with serving(lambda _: long) as server, Driver(server.url) as driver:
        assert driver.send([Request("GET", "/")], 2).statuses == {500: 2}
    assert server.connections == 2


def test_a_head_has_no_body() -> None:
    """Whatever its length says."""
    with serving(lambda _: NOT_FOUND.removesuffix(b"{}")) as server, Driver(server.url) as driver:
        assert driver.send([Request("HEAD", "/")], 3).statuses == {404: 3}
    assert server.connections == 1


def test_nobody_there_is_a_failure_in_words() -> None:
    """Not an exception."""
    with serving() as server:
        pass
    with Driver(server.url) as driver:
        assert driver.answers([Request("GET", "/")])[0].failure == "connection refused"


def test_a_header_that_http_cannot_send_is_a_failure_of_its_request() -> None:
    """The next one is sent."""
    with serving() as server, Driver(server.url) as driver:
        bad, good = driver.answers([Request("GET", "/", {"X": "a\r\nB: c"}), Request("GET", "/")])
    assert bad.failure.startswith("ValueError: Invalid header value")
    assert good.status == 404


def test_a_strangers_host_is_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(CommandError, match="--i-own-this-host"):
        Driver("http://8.8.8.8")
