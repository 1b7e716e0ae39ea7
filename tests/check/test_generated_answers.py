"""Answers that are made up: whatever comes over the connection, a request is answered or has failed, in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadpath.check.driver import Driver, Request
from tests.check.answering import serving
from tests.generated import examples

NUMBERS = st.integers(-2, 10**25).map(lambda number: b"%d" % number) | st.just(b"")
STATUS_LINES = st.builds(
    lambda version, status, reason: b" ".join([version, status, reason]),
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2", b"ICY", b""]),
    st.sampled_from([b"200", b"404", b"100", b"101", b"103", b"204", b"304", b"500", b"999"]) | NUMBERS,
    st.binary(max_size=20),
)
NAMED = st.sampled_from(
    [
        b"Content-Length",
        b"Transfer-Encoding",
        b"Connection",
        b"Content-Encoding",
        b"Location",
        b"Set-Cookie",
        b"Trailer",
    ]
)
VALUES = NUMBERS | st.sampled_from([b"chunked", b"close", b"keep-alive", b"gzip", b"upgrade"]) | st.binary(max_size=30)
HEADERS = st.lists(
    st.builds(lambda name, value: name + b": " + value, NAMED | st.binary(max_size=10), VALUES), max_size=6
)
CHUNKS = st.lists(st.builds(lambda size, part: size + b"\r\n" + part + b"\r\n", NUMBERS, st.binary(max_size=20))).map(
    b"".join
)
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n"])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer that may be right in all of its parts, in some, or in none; and a part of it."""
    end = draw(ENDS)
    whole = end.join([draw(STATUS_LINES), *draw(HEADERS), b"", draw(CHUNKS | st.binary(max_size=200))])
    several = whole * draw(st.integers(1, 3))
    return several[: draw(st.integers(0, len(several)))] if draw(st.booleans()) else several


@pytest.fixture(scope="module")
def outcome() -> Iterator[Callable[[bytes], tuple[int, str]]]:
    """What a driver makes of an answer, over one connection after the other: its status and its failure."""
    comes = [b""]
    with serving(lambda _: comes[0], closes=True) as server, Driver(server.url, timeout_s=300) as driver:

        def ask(answer: bytes) -> tuple[int, str]:
            comes[0] = answer
            found, after = driver.answers([Request("GET", "/"), Request("GET", "/after")])
            assert after.status == found.status  # what is left of one is nothing of the next
            return found.status, found.failure

        yield ask


def see(status: int, failure: str) -> None:
    """It is a status of HTTP, or nothing with a reason."""
    assert failure or 100 <= status <= 999
    assert len(failure.splitlines()) <= 1  # each output escapes what it says


@given(answer=answers())
@examples(50)
def test_any_answer_is_one_or_a_failure_in_one_line(outcome: Callable[[bytes], tuple[int, str]], answer: bytes) -> None:
    """Whatever it says of its length, and wherever it ends."""
    see(*outcome(answer))


@pytest.mark.slow
@given(answer=answers())
@examples(3_000)
def test_any_of_thousands_of_answers_is_one_or_a_failure_in_one_line(
    outcome: Callable[[bytes], tuple[int, str]], answer: bytes
) -> None:
    """As the few above."""
    see(*outcome(answer))
