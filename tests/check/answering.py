"""A server that answers with given bytes, be they HTTP or not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile

from tests.check.certificates import Certificate

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
    tls: Certificate | None = None
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    url: str = ""

    def serve(self, listening: socket.socket) -> None:
        """Take connections until the socket is closed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.tls:
            context.load_cert_chain(self.tls.file, self.tls.key)
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve_one, args=[connection, context], daemon=True).start()

    def _serve_one(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        with (
            suppress(ConnectionError, ssl.SSLError),
            context.wrap_socket(plain, server_side=True) if self.tls else plain as connection,
            connection.makefile("rb") as received,
        ):
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
    at: str = "127.0.0.1",
    port: int = 0,
    tls: Certificate | None = None,
) -> Iterator[Server]:
    """A server of its own, until the end of the block; others may share its port."""
    server = Server(answer, closes, tls)
    family = socket.AF_INET6 if ":" in at else socket.AF_INET
    with socket.create_server((at, port), family=family, reuse_port=True, dualstack_ipv6=at == "::") as listening:
        server.port = listening.getsockname()[1]
        server.url = f"http{'s' if tls else ''}://{f'[{at}]' if ':' in at else at}:{server.port}"
        threading.Thread(target=server.serve, args=[listening], daemon=True).start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
