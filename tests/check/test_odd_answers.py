"""A service may answer as it likes: each request is answered or has failed, in time and in little memory."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from sadpath.check.driver import Answer, Driver, Request
from tests.check.answering import NOT_FOUND, endless, serving

HEAD = b"HTTP/1.1 404 X\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
EVENTS = HEAD + b"Content-Type: text/event-stream\r\n\r\n"
BOMB = gzip.compress(bytes(50_000_000))
TOO_LONG = "its headers are larger than 256 KiB"

WITHOUT_END: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "headers": lambda _: endless(HEAD, b"X: " + b"y" * 5000 + b"\r\n"),
    "small headers": lambda _: endless(HEAD, b"X: y\r\n" * 1000),
    "one header": lambda _: endless(HEAD + b"X: ", b"y" * 60_000),
    "one status line": lambda _: endless(b"HTTP/1.1 404 ", b"y" * 60_000),
    "interim answers": lambda _: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "other interim answers": lambda _: endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000),
    "body": lambda _: endless(HEAD + b"\r\n", b"x" * 65536),
    "chunks": lambda _: endless(CHUNKED, b"1\r\nx\r\n" * 10_000),
    "a chunk of no size": lambda _: endless(CHUNKED + b"-1\r\n", b"x" * 65536),
    "a chunk extension": lambda _: endless(CHUNKED + b"1;", b"x" * 65536),
    "trailers": lambda _: endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 10_000),
}


def answered(answer: bytes | Callable[[bytes], Iterator[bytes]], timeout_s: float = 60.0) -> Answer:
    """What the driver makes of it."""
    serves = answer if callable(answer) else lambda _: answer
    with serving(serves, closes=True) as server, Driver(server.url, timeout_s=timeout_s) as driver:
        (found,) = driver.answers([Request("GET", "/")])
    assert len(found.failure.splitlines()) <= 1
    return found


NO_ANSWERS: list[tuple[bytes, str]] = [
    (b"HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", "BadStatusLine: HTTP/1.1 000 X"),
    (b"HTTP/1.1 99999999999999999999 X\r\nContent-Length: 0\r\n\r\n", "BadStatusLine"),
    (b"HTTP/2 404\r\n\r\n", "UnknownProtocol"),
    (b"\x00\xff" * 500, "BadStatusLine"),
    (HEAD + b"Content-Length: 500\r\n\r\nabc", "IncompleteRead"),
    (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nno", "IncompleteRead"),
    (CHUNKED + b"5\r\nabc", "IncompleteRead"),
    (CHUNKED + b"zz\r\nabc", "IncompleteRead"),
    (CHUNKED + b"FFFFFFFFFFFFFFF\r\nno", "IncompleteRead"),
    (CHUNKED + b"-5\r\nno", "ValueError"),
    (HEAD + b"X: y\r\n" * 200 + b"\r\n", "HTTPException: got more than 100 headers"),
    (HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n", "LineTooLong"),
]
"""What is sent for an answer, and the failure that it is."""


@pytest.mark.parametrize(("answer", "failure"), NO_ANSWERS)
def test_an_answer_that_is_none_is_a_failure_in_one_line(answer: bytes, failure: str) -> None:
    """Broken chunks, lengths that are not true, a status that is none, no HTTP at all."""
    assert answered(answer).failure.startswith(failure)


ODD_ANSWERS: list[tuple[bytes, int]] = [
    (b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", 999),
    (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 101),
    (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + NOT_FOUND, 404),
    (HEAD + b"Content-Length: -5\r\n\r\nno", 404),
    (HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nno", 404),
    (CHUNKED + b"2;x=y\r\nno\r\n0\r\nX: y\r\nSet-Cookie: a=b\r\n\r\n", 404),
    (HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB, 404),
    (HEAD + b"\r\nuntil the connection ends", 404),
]
"""With their status."""


@pytest.mark.parametrize(("answer", "status"), ODD_ANSWERS)
def test_an_odd_answer_is_one_all_the_same(answer: bytes, status: int) -> None:
    """Interim answers come before it, and nothing is decoded."""
    found = answered(answer)
    assert (found.status, found.failure) == (status, "")


@pytest.mark.parametrize("kind", WITHOUT_END)
def test_what_has_no_end_is_read_up_to_a_limit(kind: str) -> None:
    """Of bytes, long before the time is over: the head is a failure, and of a body enough was seen."""
    began = time.monotonic()
    found = answered(WITHOUT_END[kind], timeout_s=300)
    assert found.failure or found.status == 404
    assert time.monotonic() - began < 60


def test_the_failure_names_the_limit_of_the_headers() -> None:
    """Interim answers count too."""
    assert answered(WITHOUT_END["other interim answers"]).failure == TOO_LONG


TRICKLES: list[tuple[bytes, bytes]] = [
    (HEAD + b"X: ", b"y"),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    (HEAD + b"\r\n", b"x"),
    (EVENTS, b"data: x\n\n"),
    (CHUNKED, b"1\r\nx\r\n"),
    (CHUNKED + b"0\r\n", b"X: y\r\n"),
]
"""How it begins, and what comes again and again."""


@pytest.mark.parametrize(("begin", "part"), TRICKLES)
def test_what_trickles_ends_with_the_time(begin: bytes, part: bytes) -> None:
    """Each byte comes in time, and the whole does not."""
    found = answered(lambda _: endless(begin, part, 0.02), timeout_s=0.3)
    assert "within 0.3 s" in found.failure
    assert found.seconds < 60


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 smuggled\r\nContent-Length: 0\r\n\r\n", b"x", b"x" * 100_000])
def test_extra_bytes_are_no_answer_to_the_next_request(method: str, extra: bytes) -> None:
    """That goes over another connection."""
    with serving(lambda _: NOT_FOUND + extra) as server, Driver(server.url) as driver:
        assert driver.send([Request(method, "/")], 20).statuses == {404: 20}
    assert server.connections == 20


def test_a_connection_that_was_upgraded_is_used_no_more() -> None:
    """What follows on it is no HTTP."""
    upgrade = b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    with serving(lambda _: upgrade) as server, Driver(server.url) as driver:
        assert driver.send([Request("GET", "/")], 3).statuses == {101: 3}
    assert server.connections == 3


GROWTH = """\
import resource, sys
from sadpath.check.driver import Driver, Request
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Driver(sys.argv[1], connections=4, timeout_s=1) as driver:
    driver.send([Request("GET", "/")], 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(one, marks=() if one in ("headers", "a chunk of no size") else pytest.mark.slow)
        for one in WITHOUT_END
    ],
)
def test_what_has_no_end_takes_little_memory(kind: str) -> None:
    """Of the driver's own process, over several connections: less than 64 MiB."""
    with serving(WITHOUT_END[kind]) as server:
        command = [sys.executable, "-c", GROWTH, server.url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert int(done.stdout) < 64 << 10  # in KiB
