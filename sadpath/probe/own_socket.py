"""A socket of ours in somebody else's process, who may close its descriptor and give the number to a file of its own.

A daemon closes all descriptors at its start, and its listener may get the number that our socket had. So each use
proves first that the number still means our socket, and nothing waits in a call that takes a connection or bytes: it
waits in `poll`, proves, and then takes what is there.
"""

import _socket
import fcntl
import os
import time
from select import POLLIN, POLLOUT
from select import poll as new_poll
from typing import Any

HIGH_NUMBERS = (900, 200, 48)
"""From where a number is taken, as far as the process may have such: the system gives its files the lowest ones."""

PROVES_EVERY_S = 1.0
"""How long it may wait for what is another file already."""

SO_COOKIE = 57
"""Not yet in the `socket` module."""


class NotOurs(OSError):  # noqa: N818 - nothing went wrong: the process closed what it did not know
    """The number means another file than our socket, or none."""


class OwnSocket:
    """A socket, used and closed only as long as its descriptor means the file that it meant at the beginning."""

    def __init__(self, socket: Any) -> None:
        socket.settimeout(0)
        self._socket = socket
        self._identity = _identity(socket)

    def is_ours(self) -> bool:
        """Whether its number still means our socket."""
        try:
            return _identity(self._socket) == self._identity
        except OSError:
            return False

    def wait(self, event: int, seconds: float) -> bool:
        """Wait until it can be read (`POLLIN`) or written (`POLLOUT`); false if it cannot within the time.

        Raises `NotOurs`, which after this has been proven not to be so.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            is_ready = self._poll(event, min(left, PROVES_EVERY_S))
            if not self.is_ours():
                raise NotOurs
            if is_ready or left <= PROVES_EVERY_S:
                return is_ready

    def _poll(self, event: int, seconds: float) -> bool:
        poll = new_poll()
        poll.register(self._socket.fileno(), event)
        return bool(poll.poll(max(0, int(seconds * 1000))))

    def copy(self) -> "OwnSocket":
        """Return another descriptor of the same socket, with a high number where the process may have one."""
        if not self.is_ours():
            raise NotOurs
        copy = OwnSocket(_socket.socket(fileno=_high_copy(self._socket.fileno())))
        if copy._identity != self._identity:
            copy.close()
            raise NotOurs
        return copy

    def accept(self) -> "OwnSocket":
        """Take the connection that waits. Raises `OSError` without one, and if there is no free descriptor for it."""
        number, _ = self._socket._accept()  # noqa: SLF001 - what socket.socket.accept calls
        connection = _socket.socket(fileno=number)
        if connection.family != _socket.AF_UNIX or connection.getsockname() != self._socket.getsockname():
            connection.detach()
            raise NotOurs
        low = OwnSocket(connection)
        try:
            return low.copy()
        finally:
            low.close()

    def read_line(self, limit: int, seconds: float) -> bytes:
        """Return a line, or what came within the time and the limit in bytes; nothing if the other side left."""
        deadline, line = time.monotonic() + seconds, b""
        while not line.endswith(b"\n") and len(line) < limit and self.wait(POLLIN, deadline - time.monotonic()):
            part = self._socket.recv(65536)
            if not part:
                return b""
            line += part
        return line

    def write(self, page: bytes, seconds: float) -> None:
        """Send all of it, or as much as the other side takes within the time."""
        deadline, left = time.monotonic() + seconds, memoryview(page)
        while left and self.wait(POLLOUT, deadline - time.monotonic()):
            left = left[self._socket.send(left) :]

    def shut_down(self) -> None:
        """Wake who waits for it, and refuse connections."""
        if self.is_ours():
            try:
                self._socket.shutdown(_socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Give the descriptor back; let go of it without a word where it is not ours any more."""
        if not self.is_ours():
            self._socket.detach()
            return
        try:
            self._socket.close()
        except OSError:  # the process was faster
            pass


def listen_at(folder: str, name: str) -> OwnSocket:
    """Listen on a Unix socket in a folder, whose path may be longer than the 107 bytes that a socket's may have.

    It gets its name when it listens, in place of what had it. Only the user of this process may connect.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    low = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    path = os.path.join(folder, name)
    try:
        remove(f"{path}.new")
        low.bind(f"/proc/self/fd/{descriptor}/{name}.new")
        os.chmod(f"{path}.new", 0o600)
        low.listen(8)
        os.rename(f"{path}.new", path)
        return OwnSocket(_socket.socket(fileno=_high_copy(low.fileno())))
    finally:
        low.close()
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass


def _high_copy(number: int) -> int:
    for least in HIGH_NUMBERS:
        try:
            return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, least)
        except OSError:  # it may not have so many
            pass
    return os.dup(number)


def _identity(socket: Any) -> object:
    """Return what no other file has: the kernel's cookie, which is read without giving another thread a turn.

    Before Linux 4.12 there is none. Raises `OSError` where the number means no file.
    """
    try:
        return socket.getsockopt(_socket.SOL_SOCKET, SO_COOKIE, 8)
    except OSError:
        status = os.fstat(socket.fileno())
        return status.st_dev, status.st_ino
