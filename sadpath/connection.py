"""One connection to a service, whose every exchange has an end in time and in bytes.

`http.client` has a timeout that begins anew with each byte, limits for a header but none for all of them, and takes an
answer's extra bytes for the next answer. A service that is checked may do its worst.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import urlsplit

from sadpath.hosts import plain_address, port_of

MOST_OF_A_HEAD = 1 << 18
"""Bytes of the status line and the headers of an answer, with the interim answers before it."""

MOST_OF_A_BODY = 1 << 20
"""Bytes of an answer's body that are read, where nothing else is said."""

BLOCK = 1 << 16


INTERIM = range(100, 200)
"""Statuses after which the answer is still to come, but for that of an upgrade."""


@dataclass(frozen=True)
class End:
    """One end of a TCP connection; of IPv4, also on a socket of IPv6, if it is."""

    address: IPv4Address | IPv6Address
    port: int


@dataclass(frozen=True)
class Ends:
    """Both ends of a connection of ours."""

    ours: End
    theirs: End


class TooMuch(OSError):  # noqa: N818 - not of the program
    """An answer has more bytes than are read of it."""


class Connection(http.client.HTTPConnection):
    """A connection to the host of `url`: its exchanges end at `until`, on the monotonic clock, and bodies are bounded.

    `bytes_left` may still come now, and `ends` are its ends once it was opened.

    A certificate is not verified: the service is the user's own.
    """

    def __init__(self, url: str, *, until: float, most_of_a_body: int = MOST_OF_A_BODY) -> None:
        parts = urlsplit(url)
        super().__init__(str(parts.hostname), port_of(parts))
        self.until, self.bytes_left, self.has_more = until, MOST_OF_A_HEAD, False
        self.most_of_a_body = most_of_a_body
        self._is_secure = parts.scheme == "https"
        self._answer: http.client.HTTPResponse | None = None
        self.ends: Ends | None = None

    @property
    def host_header(self) -> str:
        """What a request names as its host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def connect(self) -> None:
        """Open it, in time."""
        plain = socket.create_connection((self.host, self.port), timeout=self.seconds_left())
        self.sock = _Timed(plain, self)
        self.ends = Ends(_end(plain.getsockname()), _end(plain.getpeername()))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._is_secure:
            plain.settimeout(self.seconds_left())
            self.sock = _Timed(_unverified().wrap_socket(plain, server_hostname=self.host), self)

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> http.client.HTTPResponse:
        """Send a request as it is, and return its answer, of which the body is to be read.

        Raises `TimeoutError`, `TooMuch`, and what `http.client` and the socket raise.
        """
        self.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": self.host_header, **headers}.items():
            self.putheader(name, value)
        self.endheaders(body or None)
        return self.getresponse()

    def getresponse(self) -> http.client.HTTPResponse:
        """Return the answer, once its headers have come. Raises `TooMuch`."""
        self.bytes_left = MOST_OF_A_HEAD
        with _says(f"its headers are larger than {MOST_OF_A_HEAD >> 10} KiB"):
            self._answer = super().getresponse()
        self.bytes_left = self.most_of_a_body + BLOCK  # what is around the parts of a body takes a little too
        return self._answer

    def close(self) -> None:
        """Close it, and the last answer, which keeps the socket open where the service is to end the connection."""
        super().close()
        if self._answer:
            self._answer.close()

    def is_spent(self) -> bool:
        """Whether no request may follow: the service has closed it, or sent more than it was asked for.

        Many close one after some idle seconds. Extra bytes would be taken for the next answer.
        """
        return self.has_more or (isinstance(self.sock, _Timed) and self.sock.is_readable())

    def seconds_left(self) -> float:
        """Return how long may be waited. Raises `TimeoutError` once that is over."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def body(response: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    """Yield an answer's body in parts. Raises `TooMuch` where it has more than `most` bytes, and as `ask` does."""
    left = most
    with _says(f"it is larger than {most / 2**20:g} MiB"):
        while part := response.read(BLOCK):
            left -= len(part)
            if left < 0:
                raise TooMuch
            yield part
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


class _Response(http.client.HTTPResponse):
    """An answer, without the interim ones before it: `http.client` knows only one of their statuses."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        while status in INTERIM and status != http.client.SWITCHING_PROTOCOLS:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason


Connection.response_class = _Response


@contextmanager
def _says(words: str) -> Iterator[None]:
    """Give words to what is too much."""
    try:
        yield
    except TooMuch:
        raise TooMuch(words) from None


def _end(name: Sequence[Any]) -> End:
    """Return the end that a socket names."""
    return End(plain_address(name[0]), name[1])


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class _Timed:
    """What `http.client` needs of a socket."""

    def __init__(self, plain: socket.socket, connection: Connection) -> None:
        self._plain, self._connection = plain, connection

    def sendall(self, content: bytes) -> None:
        """Send a part of a request, and have the beginning of its answer acknowledged at once.

        A server that leaves Nagle's algorithm on, as uvicorn does with workers, and writes head and body apart, waits
        40 ms for that. The kernel forgets the option, which only Linux has, so each request sets it again.
        """
        rest = memoryview(content)
        while rest:
            self._plain.settimeout(self._connection.seconds_left())
            rest = rest[self._plain.send(rest) :]
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):  # a connection that was closed meanwhile
                self._plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def is_readable(self) -> bool:
        """Whether something has come, or the end."""
        decrypted = self._plain.pending() if isinstance(self._plain, ssl.SSLSocket) else 0
        poll = select.poll()  # which knows descriptors above 1023, too
        poll.register(self._plain, select.POLLIN)
        return decrypted > 0 or bool(poll.poll(0))

    def makefile(self, _: str) -> io.BufferedReader:
        """Return what an answer is read from, also after the socket was closed: it is open until both are."""
        return _Buffered(_Received(self._plain, self._plain.makefile("rb", buffering=0), self._connection))

    def close(self) -> None:
        """Close the socket."""
        self._plain.close()


class _Received(io.RawIOBase):
    """What comes over a connection, in time and up to the bytes that may come; nothing once the answer has ended."""

    def __init__(self, plain: socket.socket, stream: io.RawIOBase, connection: Connection) -> None:
        self._plain, self._stream, self.connection = plain, stream, connection
        self.has_ended = False

    def readable(self) -> bool:
        """It is, for what buffers it."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, or wait for it."""
        if self.has_ended:
            return None
        if self.connection.bytes_left <= 0:
            raise TooMuch
        self._plain.settimeout(self.connection.seconds_left())
        count = self._stream.readinto(buffer)
        self.connection.bytes_left -= count or 0
        return count

    def close(self) -> None:
        """Close the stream; the socket is closed apart from it."""
        self._stream.close()
        super().close()


class _Buffered(io.BufferedReader):
    """What an answer is read from; at its end the connection learns whether more came than was read."""

    raw: _Received

    def close(self) -> None:
        """Close it."""
        if not self.closed:
            self.raw.has_ended = True
            self.raw.connection.has_more = bool(self.peek())
        super().close()
