"""What has to be refused is sent one by one, and not again once it was not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import count

import pytest

from sadpath.check.driver import Driver, Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.careful import Careful
from sadpath.check.find.refusable import Barrier, Refusable
from sadpath.check.measure.distinct import distinct
from tests.check.answering import Server, serving

BROKEN = Refusable("POST", "/orders", {}, b"{", "POST /orders", Barrier.BODY)
NAMELESS = Refusable("POST", "/orders", {}, b"", "POST /orders", Barrier.CREDENTIALS)
OTHER = Refusable("POST", "/users", {}, b"{", "POST /users", Barrier.BODY)


def answers(*statuses: int, last: int = 422) -> AbstractContextManager[Server]:
    """What answers with these, then with the last one."""
    turns = count()

    def answer(_: bytes) -> bytes:
        turn = next(turns)
        status = statuses[turn] if turn < len(statuses) else last
        return f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode() if status else b""

    return serving(answer)


def test_a_round_is_as_many_as_it_should_be_while_all_are_refused() -> None:
    """On each connection."""
    with answers() as server, Driver(server.url, connections=3) as driver:
        sent = Careful(driver).send([BROKEN], 100)
    assert (sent.statuses, sent.failures, len(sent.seconds), len(server.heads)) == ({422: 100}, {}, 100, 100)


def test_the_requests_of_a_round_are_taken_in_turn() -> None:
    """Also where they are sent one by one."""
    others = [replace(BROKEN, body=body) for body in (b"{1", b"{2", b"{3")]
    with answers() as server, Driver(server.url) as driver:
        Careful(driver).send(others, 5)
    assert [head[-2:] for head in server.heads] == [b"{1", b"{2", b"{3", b"{1", b"{2"]


@pytest.mark.parametrize(
    ("status", "names"), [(200, ["POST /orders 200"]), (302, ["POST /orders 302"]), (404, []), (500, [])]
)
def test_a_round_ends_at_the_first_answer_that_is_no_refusal(status: int, names: Sequence[str]) -> None:
    """In its middle; the rest was not sent, and is not sent later either."""
    with answers(422, 422, status) as server, Driver(server.url) as driver:
        careful = Careful(driver)
        sent = careful.send([BROKEN], 50)
        later = careful.send([BROKEN], 50)
        (alone,) = careful.answers([BROKEN])
    why = f"not sent, since one was answered with {status}"
    assert (sent.statuses, sent.failures) == ({422: 2, status: 1}, {why: 47})
    assert (later.failures, alone.failure) == ({why: 50}, why)
    assert len(server.heads) == 3
    assert careful.accepted == names


def test_one_without_an_answer_is_not_sent_again() -> None:
    """It is unknown what it did."""
    with answers(422, 0, 0) as server, Driver(server.url) as driver:
        sent = Careful(driver).send([BROKEN], 50)
    assert sent.failures["not sent, since one was not answered"] == 48
    assert len(server.heads) == 2


CUT_SHORT = b"HTTP/1.1 201 X\r\nContent-Length: 100\r\n\r\nhalf of"


def test_an_answer_that_is_cut_short_has_accepted_all_the_same() -> None:
    """In a round as in the search; it is named."""
    with serving(lambda _: CUT_SHORT, closes=True) as server, Driver(server.url, timeout_s=1) as driver:
        careful = Careful(driver)
        careful.send([BROKEN], 50)
    assert careful.accepted == ["POST /orders 201"]
    assert len(server.heads) == 1


def test_an_operation_that_accepts_is_used_in_no_way_any_more() -> None:
    """Others are."""
    with answers(200) as server, Driver(server.url) as driver:
        found = Careful(driver).answers([NAMELESS, BROKEN, OTHER, Request("POST", "/orders")])
    assert [one.status for one in found] == [200, 0, 422, 422]
    assert len(server.heads) == 3


def test_without_a_refusal_another_way_may_still_be_refused() -> None:
    """A body that is missing is no proof that credentials are."""
    with answers(422) as server, Driver(server.url) as driver:
        found = Careful(driver).answers([NAMELESS, NAMELESS, BROKEN])
    assert [one.status for one in found] == [422, 0, 422]
    assert len(server.heads) == 2


def test_other_requests_are_sent_as_they_are() -> None:
    """Whatever they are answered with."""
    with answers(last=200) as server, Driver(server.url) as driver:
        careful = Careful(driver)
        assert careful.send([Request("DELETE", "/a")], 20).statuses == {200: 20}
    assert careful.accepted == []


def test_what_has_to_be_refused_gets_no_other_inputs() -> None:
    """Another id may be a real one."""
    asked = Refusable("DELETE", "/items/999", {}, b"", "DELETE /items/{id}", Barrier.CREDENTIALS)
    assert distinct(ErrorPath("DELETE", "/items/{id}", 401, asked)) is None
