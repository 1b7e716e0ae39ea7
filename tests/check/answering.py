"""A server that answers with given bytes, be they HTTP or not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile

NOT_FOUND = b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n{}"


def endless(begin: bytes, part: bytes, every_s: float = 0.0) -> Iterator[bytes]:
    """An answer that goes on with the same part for ever, as fast as it is taken, or now and then."""
    yield begin
    while True:
        yield part
        time.sleep(every_s)


@dataclass
class Server:
    """Answers each request by what `answer` returns for its head, and closes the connection where that is empty.

    What it returns may be in parts, without an end.
    """

    answer: Callable[[bytes], bytes | Iterator[bytes]]
    closes: bool = False
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def serve(self, listening: socket.socket) -> None:
        """Take connections until the socket is closed."""
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve_one, args=[connection], daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        with suppress(ConnectionError), connection, connection.makefile("rb") as received:
            while head := b"".join(takewhile(lambda line: line != b"\r\n", iter(received.readline, b""))):
                length = next((int(line[15:]) for line in head.splitlines() if line.startswith(b"Content-Length:")), 0)
                self.heads.append(head + received.read(length))
                answer = self.answer(head)
                for part in [answer] if isinstance(answer, bytes) else answer:
                    connection.sendall(part)
                if self.closes or not answer:
                    return


@contextmanager
def serving(
    answer: Callable[[bytes], bytes | Iterator[bytes]] = lambda _: NOT_FOUND,
    *,
    closes: bool = False,
) -> Iterator[Server]:
    """A server of its own, until the end of the block."""
    server = Server(answer, closes)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        threading.Thread(target=server.serve, args=[listening], daemon=True).start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
