"""Find the processes of one attempt, whatever became of their parents, by a mark in their environment.

Every process inherits it, in whichever group or session it is. Only marked processes are ever ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import psutil

from loadtest.ports import is_listening

VARIABLE = "SADPATH_TRIAL"
LOOK_AGAIN_S = 0.05
GONE_WITHIN_S = 10.0
"""How long what an ended process leaves behind may take to end."""


@dataclass(frozen=True)
class Mark:
    """The mark of one attempt."""

    text: str = field(default_factory=lambda: uuid4().hex)

    @property
    def environment(self) -> dict[str, str]:
        """What the processes of this attempt have to be started with."""
        return {VARIABLE: self.text}

    def processes(self) -> list[psutil.Process]:
        """Return those that run; a process that has ended and waits for its parent does not."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(VARIABLE) == self.text and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def left_over(self, patience_s: float = GONE_WITHIN_S) -> list[psutil.Process]:
        """Wait until none runs, but no longer than this, and return those that do."""
        deadline = time.monotonic() + patience_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_S)
        return left

    def end(self) -> None:
        """Kill all of them, and what they start meanwhile."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while (left := self.processes()) and time.monotonic() < deadline:
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(LOOK_AGAIN_S)


def ports_of(processes: Iterable[psutil.Process]) -> set[int]:
    """Return the ports that these processes listen on."""
    found = set()
    for process in processes:
        with suppress(psutil.Error):
            found |= {one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN}
    return found


def describe(processes: Iterable[psutil.Process]) -> str:
    """Return what is left over in words, to find out why: `python -m locust …`; empty if nothing is."""
    return ", ".join(f"left running: {_command(process)}" for process in processes)


def still_open(ports: Iterable[int], patience_s: float = GONE_WITHIN_S) -> Sequence[int]:
    """Wait until nobody listens on these ports, but no longer than this, and return those with somebody."""
    deadline = time.monotonic() + patience_s
    while (still := sorted(filter(is_listening, ports))) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_S)
    return still


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline()[:6])
    return str(process.pid)
