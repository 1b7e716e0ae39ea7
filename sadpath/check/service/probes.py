"""Ask the probes in the processes of a service, and add up what they answer."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from sadpath.check.routes import Route, Routes
from sadpath.probe.wire import ANSWERS, GlanceAnswer, HelloAnswer, RoutesAnswer, SettleAnswer, is_as_typed
from sadpath.verdict.verdict import Suspect

ANSWERS_WITHIN_S = 30.0
"""A full collection of a huge heap takes seconds."""

MAX_ANSWER = 64 << 20
"""Bytes of an answer."""

MAX_REASON = 300
MAX_PROCESSES = 100_000
MAX_ENTRIES = 100_000
"""Files of a folder of packages that are looked at."""

ROOM_TO_ANSWER = 2
"""Free descriptors that a probe needs: for the connection, and for a file that it reads."""


@dataclass(frozen=True)
class Traceback:
    """One live exception object: its class's dotted name, and the entries of its traceback."""

    type_name: str
    entries: int


@dataclass(frozen=True)
class Snapshot:
    """What all processes of a service have left, added up; None for what is not known.

    `identity` is another where a process was replaced: the processes that answered or, from outside, the start time.
    `in_use` and `anonymous` are bytes. `collected` is the garbage, in objects, of the round that ended, and `garbage`
    its bytes in the processes that have their collector off: 0 where none has. `tracebacks` has the longest, by process
    and id of the object.
    """

    identity: tuple[float, ...]
    processes: int
    in_use: float | None
    anonymous: float | None
    collected: int | None = None
    live_exceptions: int | None = None
    tracebacks: Mapping[Suspect, Traceback] | None = None
    garbage: int | None = None


class NoAnswer(Exception):  # noqa: N818 - no error of the program
    """No probe answered, or one could not; the message is the reason, in one line."""


class Probes:
    """The probes that listen in a folder, each on a socket named after its process.

    A process that has ended leaves its socket behind, and one may have `exec`ed what has no probe: only an answer
    counts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ask(self, op: str, timeout_s: float = ANSWERS_WITHIN_S, **arguments: object) -> dict[int, Any]:
        """Ask all that listen, one after the other; returns the answers by process.

        Raises `NoAnswer` without any, and where one answers what is no answer to this, or not within the time.
        """
        question = json.dumps({"op": op, **arguments}).encode() + b"\n"
        answers = {}
        for pid in self.listed():
            try:
                answers[pid] = _answer_in(self._ask_one(pid, question, timeout_s), op, pid)
            except (ConnectionError, FileNotFoundError):
                self._forget_if_ended(pid)
        if not answers:
            why = next(filter(None, map(_why_silent, self.listed())), "")
            raise NoAnswer(why or "no process of the service answers our probe")
        return answers

    def listed(self) -> list[int]:
        """Return the processes that have a socket, which proves nothing yet."""
        return sorted(
            int(path.stem) for path in islice(self.folder.glob("*.s"), MAX_PROCESSES) if path.stem.isdecimal()
        )

    def settle(self, *, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Let all processes collect their garbage, and add up what they have left. Raises `NoAnswer`.

        Where a round begins their collectors are off until the next look. What each has is the least in `watched_s`.
        """
        answers: dict[int, SettleAnswer] = self.ask("looks.settle", begins_round=begins_round, watched_s=watched_s)
        every = answers.values()
        return Snapshot(
            identity=tuple(answers),
            processes=len(answers),
            in_use=_total(answer["in_use"] for answer in every),
            anonymous=_total(answer["anonymous"] for answer in every),
            collected=_total(answer["collected"] for answer in every),
            garbage=_total(answer["garbage"] for answer in every),
            live_exceptions=_total(answer["live_exceptions"] for answer in every),
            tracebacks=_tracebacks(answers),
        )

    def glance(self, *, census: bool = False) -> Snapshot:
        """Add up the garbage of the newest objects and, with a census, the live exceptions. Raises `NoAnswer`.

        Memory is known roughly then, and the collectors are off until the next settle.
        """
        answers: dict[int, GlanceAnswer] = self.ask("glance.glance", census=census)
        every = answers.values()
        return Snapshot(
            identity=tuple(answers),
            processes=len(answers),
            in_use=_total(answer["in_use"] for answer in every),
            anonymous=None,
            collected=_total(answer["collected"] for answer in every),
            live_exceptions=_total(answer["live_exceptions"] for answer in every),
            tracebacks=_tracebacks(answers),
        )

    def versions(self) -> dict[str, str]:
        """Return the versions of the service's Python and of the packages that matter; empty where none answers.

        They are read from the names of the metadata in the service's own environment.
        """
        try:
            answers: dict[int, HelloAnswer] = self.ask("looks.hello")
        except (NoAnswer, OSError):
            return {}
        hello = max(
            answers.values(), key=lambda one: len(one["packages"])
        )  # a process above the workers may have loaded none
        versions = installed(hello["path"])
        known = {name: versions[name] for name in hello["packages"] if name in versions}
        return {"python": hello["python"], **known, "platform": platform.platform(terse=True)}

    def routes(self) -> Routes:
        """Return the routes in the running app, each once; none where no probe answers."""
        try:
            answers: dict[int, RoutesAnswer] = self.ask("routes.routes")
        except (NoAnswer, OSError):
            return Routes()
        distinct: dict[tuple[str, str], Route] = {}
        for one in (route for answer in answers.values() for route in answer["routes"]):
            distinct.setdefault((one["method"], one["path"]), Route(**one))
        notes = dict.fromkeys(note for answer in answers.values() for note in answer["notes"])
        return Routes(tuple(distinct.values()), tuple(notes))

    def _ask_one(self, pid: int, question: bytes, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        try:
            with closing(self._connect(pid, timeout_s)) as connection:
                connection.sendall(question)
                return _line_of(connection, deadline)
        except TimeoutError:
            raise NoAnswer(_why_silent(pid) or f"the probe in process {pid} took more than {timeout_s:.0f} s") from None
        except _TooMuch:
            raise NoAnswer(f"the probe in process {pid} answers more than {MAX_ANSWER / 2**20:.0f} MiB") from None

    def _forget_if_ended(self, pid: int) -> None:
        """Remove the socket of a process that has ended: a service may fork for each request."""
        if not psutil.pid_exists(pid):
            (self.folder / f"{pid}.s").unlink(missing_ok=True)

    def _connect(self, pid: int, timeout_s: float) -> socket.socket:
        """Connect below a file descriptor, since the path of a socket may have 107 bytes only."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            connection.connect(f"/proc/self/fd/{descriptor}/{pid}.s")
            if _user_at(connection) != os.fstat(descriptor).st_uid:
                raise ConnectionRefusedError
        except OSError:
            connection.close()
            raise
        finally:
            os.close(descriptor)
        return connection


def installed(folders: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages in some folders, by name, the first folder first, as Python finds them.

    The name of the metadata has both, so what stands in its files, and whether they can be read, does not matter.
    """
    found: dict[str, str] = {}
    for folder in filter(os.path.isabs, folders):
        with suppress(OSError, ValueError), os.scandir(folder) as entries:
            for match in filter(None, (_METADATA.match(one.name) for one in islice(entries, MAX_ENTRIES))):
                found.setdefault(re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"])
    return found


_METADATA = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._+!]+?)(-py[0-9.]+)?\.(dist|egg)-info\Z")


class _TooMuch(Exception):  # noqa: N818 - becomes a `NoAnswer`
    """An answer is longer than any answer of ours."""


def _line_of(connection: socket.socket, deadline: float) -> bytes:
    """Return the line that an answer is. Raises `TimeoutError`, `_TooMuch`, `ConnectionResetError`."""
    line = bytearray()
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(1 << 20)
        if not part:
            raise ConnectionResetError
        line += part
        if len(line) > MAX_ANSWER:
            raise _TooMuch
    return bytes(line)


def _answer_in(line: bytes, op: str, pid: int) -> Any:
    """Return the answer to a question. Raises `NoAnswer` where it is none: the process may be another user's."""
    try:
        page = json.loads(line)
    except (ValueError, RecursionError):
        page = None
    if isinstance(page, dict) and isinstance(error := page.get("error"), str):
        raise NoAnswer(_why_silent(pid) or f"the probe in process {pid}: {error[:MAX_REASON]}")
    if not isinstance(page, dict) or not is_as_typed(page.get("ok"), ANSWERS[op]):
        raise NoAnswer(f"the probe in process {pid} answers what is no answer to {op}")
    return page["ok"]


def _why_silent(pid: int) -> str:
    """Return why a probe cannot answer where its process has no free file descriptor, in one line; or nothing."""
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        used, limit = process.num_fds(), process.rlimit(psutil.RLIMIT_NOFILE)[0]
        if limit != psutil.RLIM_INFINITY and used >= limit - ROOM_TO_ANSWER:
            return f"process {pid} has no free file descriptor ({used} of {limit}), so its probe could not answer"
    return ""


def _user_at(connection: socket.socket) -> int:
    """Return the user of the process that listens on a Unix socket."""
    pid_uid_gid = struct.Struct("3i")
    uid: int = pid_uid_gid.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, pid_uid_gid.size))[1]
    return uid


def _total(figures: Iterable[int | None]) -> int | None:
    """Return the sum; None where one is unknown, which is not zero."""
    known = list(figures)
    return None if None in known else sum(filter(None, known))


def _tracebacks(answers: Mapping[int, SettleAnswer | GlanceAnswer]) -> dict[Suspect, Traceback] | None:
    """Return the longest tracebacks; None where those of one process are unknown."""
    tracebacks: dict[Suspect, Traceback] = {}
    for pid, answer in answers.items():
        if answer["tracebacks"] is None:
            return None
        tracebacks |= {(pid, one_id): Traceback(name, entries) for one_id, name, entries in answer["tracebacks"]}
    return tracebacks
