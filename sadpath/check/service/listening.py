"""Find out where a command listens: by its words, or by the sockets of its processes."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import pairwise

import psutil

from sadpath.connection import Connection

PORT_OPTIONS = ("--port", "-p", "--bind", "-b", "--listen", "--http", "--http-port")
_BOUND = re.compile(r"^(?:https?://)?(?:(?P<host>[\w.*-]*|\[[0-9a-fA-F:]+\]):)?(?P<port>\d{1,5})$")


ANSWERS_WITHIN_S = 2.0
HARMLESS = (("OPTIONS", "*"), ("GET", "/"))
"""Requests that any service may be sent. Some close the connection on the first."""


@dataclass(frozen=True)
class Listener:
    """A process that takes connections on a TCP port; its address as a client on this machine has to type it."""

    pid: int
    host: str
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.scheme}://{self.host}:{self.port}"


def port_in(command: Sequence[str]) -> int | None:
    """Return the port that the words of a command name, None where they name none or leave it to the system (0)."""
    words = [word for word in command for word in word.split("=", 1)]
    for option, value in pairwise(words):
        found = _BOUND.match(value) if option in PORT_OPTIONS else None
        if found and 0 < int(found["port"]) < 2**16:
            return int(found["port"])
    last = _BOUND.match(words[-1]) if "runserver" in words else None
    return (int(last["port"]) or None) if last else None


def listeners(processes: Iterable[psutil.Process]) -> list[Listener]:
    """Return the TCP ports on which these processes take connections, without those of another machine's interface.

    A port of all IPv6 interfaces may be reached by IPv4 too, or not: it is returned once for each.
    """
    found = set()
    for process in processes:
        with suppress(psutil.Error):
            for one in process.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN:
                    found |= {Listener(process.pid, host, one.laddr.port) for host in _reachable(one.laddr.ip)}
    return sorted(found, key=lambda one: (one.port, one.pid, one.host))


def takers(processes: Iterable[psutil.Process], port: int) -> set[int]:
    """Return which of the processes take connections on a port."""
    return {one.pid for one in listeners(processes) if one.port == port}


def speaking(found: Sequence[Listener], *, is_named: bool, timeout_s: float = ANSWERS_WITHIN_S) -> Listener | None:
    """Return the listener that answers as HTTP, with or without TLS: a server may have ports for other purposes.

    Where the port was named, one that takes a connection will do.
    """
    places = {(one.host, one.port): one for one in found}.values()  # several processes may listen on one socket
    for listener in places:
        if scheme := scheme_of(listener, timeout_s):
            return replace(listener, scheme=scheme)
    taken = (one for one in places if is_named and is_taken(one.port, one.host.strip("[]"), timeout_s))
    return next(taken, None)


def scheme_of(listener: Listener, timeout_s: float = ANSWERS_WITHIN_S) -> str:
    """Return "http" or "https", by what is answered there; nothing where that is no HTTP.

    A server may answer 400 to a plain request because it expects TLS.
    """
    plain = _status(listener.url, timeout_s)
    if plain not in (None, HTTPStatus.BAD_REQUEST):
        return "http"
    if _status(replace(listener, scheme="https").url, timeout_s):
        return "https"
    return "http" if plain else ""


def _status(url: str, timeout_s: float) -> int | None:
    """Return what a harmless request is answered with."""
    for method, target in HARMLESS:
        with (
            suppress(OSError, http.client.HTTPException, ValueError),
            closing(Connection(url, until=time.monotonic() + timeout_s)) as one,
        ):
            return one.ask(method, target, {"Connection": "close"}).status
    return None


def is_taken(port: int, host: str = "127.0.0.1", timeout_s: float = 1.0) -> bool:
    """Whether something takes connections on a port of this machine."""
    with suppress(OSError), socket.create_connection((host, port), timeout_s):
        return True
    return False


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _reachable(address: str) -> tuple[str, ...]:
    """Return what to type for an address that a server is bound to."""
    if address == "0.0.0.0":  # noqa: S104 - somebody else's choice
        return ("127.0.0.1",)
    if address == "::":
        return ("127.0.0.1", "[::1]")
    return (f"[{address}]" if ":" in address else address,)
