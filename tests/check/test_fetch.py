"""A page is fetched whole, in time and up to a size, or the reason is one line."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from sadpath.check.driver import fetch
from tests.check.answering import NOT_FOUND, endless, serving

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"


def fetched(answer: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Fetch what a server answers, up to 1 MiB."""
    with serving(lambda _: answer, closes=True) as server:
        return fetch(server.url, headers or {}, most_bytes=1 << 20, within_s=60)


def test_a_page_is_fetched_whole_with_the_headers() -> None:
    """By one request for its path and query."""
    with serving(lambda _: PAGE) as server:
        assert fetch(f"{server.url}/a?b=c", {"X-Shop": "1"}, most_bytes=100, within_s=60) == b"page"
    (head,) = server.heads
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"\r\nX-Shop: 1\r\n" in head


@pytest.mark.parametrize("size", [1 << 20, 0])
@pytest.mark.parametrize("framing", ["Content-Length: {size}", "Transfer-Encoding: chunked", "Connection: close"])
def test_a_page_may_be_as_large_as_the_limit(size: int, framing: str) -> None:
    """However its end is told."""
    page = b"x" * size
    body = (b"%x\r\n%b\r\n" % (size, page) if size else b"") + b"0\r\n\r\n" if "chunked" in framing else page
    assert fetched(b"HTTP/1.1 200 OK\r\n" + framing.format(size=size).encode() + b"\r\n\r\n" + body) == page


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (NOT_FOUND, "it was answered with 404"),
        (b"HTTP/1.1 302 X\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "it was answered with 302"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (1 << 20) + b"x", "it is larger than 1 MiB"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc", "IncompleteRead: .*497 more"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "IncompleteRead"),
        (b"hello, this is no HTTP\r\n", "BadStatusLine: hello"),
        (b"", "RemoteDisconnected"),
    ],
)
def test_what_is_no_whole_page_is_a_reason_in_one_line(answer: bytes, reason: str) -> None:
    """Also another status: no redirect is followed."""
    with pytest.raises(OSError, match=f"^{reason}") as refused:
        fetched(answer)
    assert len(str(refused.value).splitlines()) == 1


def test_a_page_that_trickles_has_an_end() -> None:
    """A timeout of the socket alone would begin anew with each byte."""
    began = time.monotonic()
    with (
        serving(lambda _: endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.02)) as server,
        pytest.raises(OSError, match=r"it did not come within 0\.3 s"),
    ):
        fetch(server.url, {}, most_bytes=1 << 20, within_s=0.3)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("header", [{"X": "a\nb"}, {"X": "\udce4"}])
def test_what_cannot_be_sent_is_a_reason_too(header: Mapping[str, str]) -> None:
    """Before anything is sent."""
    with pytest.raises(OSError, match="Error"):
        fetched(PAGE, header)
