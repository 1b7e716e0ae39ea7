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
from typing import Any, Tuple

HIGH_NUMBERS = (900, 200, 48)
"""From where a number is taken, as far as the process may have such: the system gives its files the lowest ones."""


class NotOurs(OSError):  # noqa: N818 - nothing went wrong: the process closed what it did not know
    """The number means another file than our socket, or none."""


class OwnSocket:
    """A socket, used and closed only as long as its descriptor means the file that it meant at the beginning."""

    def __init__(self, socket: Any) -> None:
        socket.settimeout(0)
        self._socket = socket
        self._file = _file_of(socket.fileno())

    def is_ours(self) -> bool:
        """Whether its number still means our socket."""
        try:
            return _file_of(self._socket.fileno()) == self._file
        except OSError:
            return False

    def wait(self, event: int, seconds: float) -> bool:
        """Wait until it can be read (`POLLIN`) or written (`POLLOUT`); false if it cannot within the time.

        Raises `NotOurs`, which after this has been proven not to be so.
        """
        poll = new_poll()
        poll.register(self._socket.fileno(), event)
        is_ready = bool(poll.poll(max(0, int(seconds * 1000))))
        if not self.is_ours():
            raise NotOurs
        return is_ready

    def copy(self) -> "OwnSocket":
        """Return another descriptor of the same socket, with a high number where the process may have one."""
        return OwnSocket(_socket.socket(fileno=_high_copy(self._socket.fileno())))

    def accept(self) -> "OwnSocket":
        """Take the connection that waits. Raises `OSError` without one, and if there is no free descriptor for it."""
        number, _ = self._socket._accept()  # noqa: SLF001 - what socket.socket.accept calls
        connection = _socket.socket(fileno=number)
        if connection.family != _socket.AF_UNIX or connection.getsockname() != self._socket.getsockname():
            connection.detach()
            raise NotOurs
        return OwnSocket(connection)

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
        if self.is_ours():
            self._socket.close()
        else:
            self._socket.detach()


def listen_at(folder: str, name: str) -> OwnSocket:
    """Listen on a Unix socket in a folder, whose path may be longer than the 107 bytes that a socket's may have.

    What has that name is removed. Only the user of this process may connect.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    low = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        remove(os.path.join(folder, name))
        low.bind(f"/proc/self/fd/{descriptor}/{name}")
        os.chmod(os.path.join(folder, name), 0o600)
        low.listen(8)
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


def _file_of(number: int) -> Tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino
