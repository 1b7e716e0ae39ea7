"""Who takes our requests: whether it is the service that is measured.

A stranger may listen on the same port, by SO_REUSEPORT or on a nearer address, and the address and the process that a
user names may be of two services. The kernel's own table of TCP sockets says which socket is at the other end of a
connection, and a process's descriptors whose it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import psutil

from sadpath.connection import End, Ends
from sadpath.hosts import plain_address

ESTABLISHED, LISTEN = "01", "0A"
"""States of a socket in `/proc/net/tcp`, as the kernel's `include/net/tcp_states.h` numbers them."""

ANY = (ip_address("0.0.0.0"), ip_address("::"))  # noqa: S104 - somebody else's choice
LOOKS = 3
"""A socket may end between the looks at the table and at the descriptors: so many find it in nobody's hands."""

Processes = Callable[[], Sequence[psutil.Process]]


@dataclass(frozen=True)
class _Socket:
    """A row of the kernel's table of TCP sockets."""

    local: End
    remote: End
    state: str
    inode: str


def stranger(processes: Processes, connections: Collection[Ends]) -> str | None:
    """Return who takes requests on these connections and is none of these processes, as `process 123 (nginx)`.

    None where all are taken by them, or where that cannot be known: on another machine, in another network namespace,
    without permission. A connection that has ended already goes by who listens where it went.
    """
    found = None
    for _ in range(LOOKS if connections else 0):
        table = list(_sockets({f":{one.theirs.port:04X}" for one in connections}))
        found = _not_of(processes, [inode for one in connections for inode in _takers(table, one)])
        if found is None:
            return None
    return _name_of(found) if found else None


def _not_of(processes: Processes, sockets: Sequence[str]) -> str | None:
    """Return a socket that none of the processes has; None where they have all, or where that cannot be known."""
    running = [one for one in processes() if _runs(one)]  # later than the sockets: nobody new can have taken one
    if not running or not all(_shares_our_network(one.pid) for one in running):
        return None
    held = _held_by(one.pid for one in running)
    return None if held is None else next((inode for inode in sockets if inode not in held), None)


def _takers(table: Sequence[_Socket], connection: Ends) -> list[str]:
    """Return the inode of the socket at the other end; of those that listen there, where it has ended."""
    ends = (connection.theirs, connection.ours)
    taken = [one.inode for one in table if (one.local, one.remote) == ends and one.inode != "0"]
    return taken or [one.inode for one in _listening(table, connection)]


def _listening(sockets: Sequence[_Socket], connection: Ends) -> list[_Socket]:
    """Return those of the sockets that take connections to that address: the kernel prefers the nearest ones."""
    theirs, ours = connection.theirs.address, connection.ours.address
    if not theirs.is_loopback and theirs != ours:
        return []  # another machine's
    listens = [one for one in sockets if one.state == LISTEN]
    nearest = (theirs, *(one for one in ANY if one.version >= theirs.version))
    return next(filter(None, ([one for one in listens if one.local.address == address] for address in nearest)), [])


def _sockets(ports: set[str]) -> Iterator[_Socket]:
    """Yield the sockets of our network namespace that use a local port; nothing where there is no such table."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError), Path(table).open(encoding="ascii") as lines:
            for line in lines:
                _, local, remote, state, *_, inode = line.split()[:10]
                if state in (ESTABLISHED, LISTEN) and local[-5:] in ports:
                    yield _Socket(_end(local), _end(remote), state, inode)


def _end(text: str) -> End:
    """Return an end as the table has it: words of the machine's own byte order, and the port."""
    address, port = text.split(":")
    words = bytes.fromhex(address)
    if sys.byteorder == "little":
        words = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
    return End(plain_address(words), int(port, 16))


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _shares_our_network(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
    except (FileNotFoundError, ProcessLookupError):  # it has ended, and has no sockets
        return True
    except OSError:
        return False


def _held_by(pids: Iterable[int]) -> set[str] | None:
    """Return the inodes of the sockets of these processes; None if one does not let us look."""
    try:
        return {inode for pid in pids for inode in _sockets_of(pid)}
    except PermissionError:
        return None


def _sockets_of(pid: int) -> Iterator[str]:
    """Yield the inodes of a process's sockets. Raises `PermissionError`."""
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                kind, _, inode = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")


def _name_of(inode: str) -> str:
    """Return what to call the process that has a socket."""
    for process in psutil.process_iter():
        with suppress(PermissionError, psutil.Error):
            if inode in set(_sockets_of(process.pid)):
                return f"process {process.pid} ({process.name()})"
    return "another process"
