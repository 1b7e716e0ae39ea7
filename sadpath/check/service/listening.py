"""Find out where a command listens: by its words, or by the sockets of its processes."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import psutil

PORT_OPTIONS = ("--port", "-p", "--bind", "-b", "--listen", "--http", "--http-port")
_BOUND = re.compile(r"^(?:https?://)?(?:(?P<host>[\w.*-]*|\[[0-9a-fA-F:]+\]):)?(?P<port>\d{1,5})$")


@dataclass(frozen=True)
class Listener:
    """A process that takes connections on a TCP port; its address as a client on this machine has to type it."""

    pid: int
    host: str
    port: int

    @property
    def url(self) -> str:
        """Its address, as HTTP."""
        return f"http://{self.host}:{self.port}"


def port_in(command: Sequence[str]) -> int | None:
    """Return the port that the words of a command name, None where they name none or leave it to the system (0)."""
    words = [word for word in command for word in word.split("=", 1)]
    for option, value in pairwise(words):
        found = _BOUND.match(value) if option in PORT_OPTIONS else None
        if found and 0 < int(found["port"]) < 2**16:
            return int(found["port"])
    last = _BOUND.match(words[-1]) if "runserver" in words else None
    return int(last["port"]) if last else None


def listeners(processes: Iterable[psutil.Process]) -> list[Listener]:
    """Return the TCP ports on which these processes take connections, without those of another machine's interface."""
    found: dict[tuple[int, int], Listener] = {}
    for process in processes:
        with suppress(psutil.Error):
            for one in process.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN:
                    listener = Listener(process.pid, _reachable(one.laddr.ip), one.laddr.port)
                    found.setdefault((listener.port, listener.pid), listener)
    return sorted(found.values(), key=lambda one: (one.port, one.pid))


def answers_http(listener: Listener, timeout_s: float = 2.0) -> bool:
    """Whether what listens there speaks HTTP: a server may have ports for other purposes."""
    try:
        with socket.create_connection((listener.host.strip("[]"), listener.port), timeout=timeout_s) as connection:
            connection.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def is_taken(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _reachable(address: str) -> str:
    """Return what to type for an address that a server is bound to."""
    if address == "0.0.0.0":  # noqa: S104 - somebody else's choice
        return "127.0.0.1"
    if address in ("::", "::1"):
        return "[::1]" if address == "::1" else "127.0.0.1"
    return f"[{address}]" if ":" in address else address
