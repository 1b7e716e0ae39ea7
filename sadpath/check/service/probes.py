"""Ask the probes in the processes of a target."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sadpath.check.result import Settled, Traceback

ANSWERS_WITHIN_S = 30.0
"""A full collection of a huge heap takes seconds."""


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

    def settle(self, *, begins_round: bool = False) -> Settled:
        """Let all processes collect their garbage, and add up what they have left. Raises `NoAnswer`.

        Where a round begins their collectors are off until the next look.
        """
        answers = self.ask("looks.settle", begins_round=begins_round)
        return Settled(
            pids=tuple(answers),
            in_use=_total(answers, "in_use"),
            anonymous=_total(answers, "anonymous"),
            collected=sum(answer["collected"] for answer in answers.values()),
            live_exceptions=sum(answer["live_exceptions"] for answer in answers.values()),
            tracebacks={
                (pid, one_id): Traceback(name, entries)
                for pid, answer in answers.items()
                for one_id, name, entries in answer["tracebacks"]
            },
        )

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


def _total(answers: Mapping[int, Any], figure: str) -> int | None:
    figures = [answer[figure] for answer in answers.values()]
    return None if None in figures else sum(figures)
