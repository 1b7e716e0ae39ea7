"""Ports of the loopback interface. Standard library only: `make up` needs it too."""

from __future__ import annotations

import contextlib
import socket

from sadpath.errors import CommandError


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now. Raises `CommandError` if there are not as many."""
    with contextlib.ExitStack() as held:
        try:
            sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        except OSError as error:
            raise CommandError(f"no free port on 127.0.0.1: {error.strerror}") from error
        return [one.getsockname()[1] for one in sockets]


def free_port() -> int:
    """Return one port that nobody listens on now."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port`."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_listening(port: int) -> bool:
    """Return whether a server takes connections on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
