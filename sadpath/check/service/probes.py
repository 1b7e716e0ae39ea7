"""Ask the probes in the processes of a service, and add up what they answer."""

from __future__ import annotations

import json
import os
import platform
import socket
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from sadpath.verdict.verdict import Suspect

ANSWERS_WITHIN_S = 30.0
"""A full collection of a huge heap takes seconds."""


@dataclass(frozen=True)
class Traceback:
    """One live exception object: its class's dotted name, and the entries of its traceback."""

    type_name: str
    entries: int


@dataclass(frozen=True)
class Snapshot:
    """What all processes of a service have left, added up; None for what is not known.

    `identity` is another where a process was replaced: the processes that answered or, from outside, the start time.
    `in_use` and `anonymous` are bytes. `collected` is the garbage, in objects, of the round that ended. `tracebacks`
    has the longest, by process and id of the object.
    """

    identity: tuple[float, ...]
    processes: int
    in_use: float | None
    anonymous: float | None
    collected: int | None = None
    live_exceptions: int | None = None
    tracebacks: Mapping[Suspect, Traceback] | None = None


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
        """Ask all that listen, one after the other; returns the answers by process. Raises `NoAnswer` without any."""
        question = json.dumps({"op": op, **arguments}).encode() + b"\n"
        answers = {}
        for pid in self.listed():
            with suppress(ConnectionError, FileNotFoundError):
                answers[pid] = self._ask_one(pid, question, timeout_s)
        if not answers:
            raise NoAnswer("no process of the service answers our probe")
        return answers

    def listed(self) -> list[int]:
        """Return the processes that have a socket, which proves nothing yet."""
        return sorted(int(path.stem) for path in self.folder.glob("*.s") if path.stem.isdigit())

    def settle(self, *, begins_round: bool = False) -> Snapshot:
        """Let all processes collect their garbage, and add up what they have left. Raises `NoAnswer`.

        Where a round begins their collectors are off until the next look.
        """
        answers = self.ask("looks.settle", begins_round=begins_round)
        every = answers.values()
        return Snapshot(
            identity=tuple(answers),
            processes=len(answers),
            in_use=_total(answer["in_use"] for answer in every),
            anonymous=_total(answer["anonymous"] for answer in every),
            collected=_total(answer["collected"] for answer in every),
            live_exceptions=_total(answer["live_exceptions"] for answer in every),
            tracebacks=_tracebacks(answers),
        )

    def versions(self) -> dict[str, str]:
        """Return the versions of the service's Python and of the packages that matter; empty where none answers.

        They are read from the metadata in the service's own environment.
        """
        try:
            answers = self.ask("looks.hello").values()
        except (NoAnswer, OSError):
            return {}
        hello = max(answers, key=lambda one: len(one["packages"]))  # a process above the workers may have loaded none
        versions = {(one.metadata["Name"] or "").lower(): one.version for one in distributions(path=hello["path"])}
        known = {name: versions[name] for name in hello["packages"] if name in versions}
        return {"python": hello["python"], **known, "platform": platform.platform(terse=True)}

    def routes(self) -> list[tuple[str, str]]:
        """Return the methods and templates of the routes in the running app; none where no probe answers."""
        try:
            answers = self.ask("routes.routes")
        except (NoAnswer, OSError):
            return []
        return list(dict.fromkeys((one["method"], one["path"]) for routes in answers.values() for one in routes))

    def _ask_one(self, pid: int, question: bytes, timeout_s: float) -> Any:
        with closing(self._connect(pid, timeout_s)) as connection:
            connection.sendall(question)
            page = b""
            while part := connection.recv(1 << 20):
                page += part
        if not page:
            raise ConnectionResetError
        answer: Mapping[str, Any] = json.loads(page)
        if "error" in answer:
            raise NoAnswer(f"the probe in process {pid}: {answer['error']}")
        return answer["ok"]

    def _connect(self, pid: int, timeout_s: float) -> socket.socket:
        """Connect below a file descriptor, since the path of a socket may have 107 bytes only."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            connection.connect(f"/proc/self/fd/{descriptor}/{pid}.s")
        except OSError:
            connection.close()
            raise
        finally:
            os.close(descriptor)
        return connection


def _total(figures: Iterable[int | None]) -> int | None:
    """Return the sum; None where one is unknown, which is not zero."""
    known = list(figures)
    return None if None in known else sum(filter(None, known))


def _tracebacks(answers: Mapping[int, Any]) -> dict[Suspect, Traceback] | None:
    if any(answer["tracebacks"] is None for answer in answers.values()):
        return None
    return {
        (pid, one_id): Traceback(name, entries)
        for pid, answer in answers.items()
        for one_id, name, entries in answer["tracebacks"]
    }
