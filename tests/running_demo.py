"""A demo that runs. What it started is found whatever became of its parent, and ends whatever happens in the test."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from loadtest.ports import free_port
from sadpath.watch.sample_file import Sample, read_samples
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[1]
REPORT = {"summary.json", "samples.csv", "memory.png", "report.html"}
PARTS = {"arm": "uvicorn", "Locust": "locust", "helper": "lifeline"}
"""What the command of a process contains, by the name of its part in the demo; a helper's also has the other's."""

VARIABLE = "SADPATH_TRIAL"
GONE_WITHIN_S = 60.0
"""How long what an ended process leaves behind may take to end."""


@dataclass(frozen=True)
class Mark:
    """A mark in the environment of processes: all that they start inherits it, in whichever group or session it is."""

    text: str = field(default_factory=lambda: uuid4().hex)

    @property
    def environment(self) -> dict[str, str]:
        """What the processes have to be started with."""
        return {VARIABLE: self.text}

    def processes(self) -> list[psutil.Process]:
        """Return those that run; a process that has ended and waits for its parent does not."""
        marked = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(VARIABLE) == self.text and process.status() != psutil.STATUS_ZOMBIE:
                    marked.append(process)
        return marked

    def left_over(self, patience_s: float = GONE_WITHIN_S, *, kill: bool = False) -> list[psutil.Process]:
        """Wait until none runs, but no longer than this, and return those that do; `kill` helps them to end."""
        deadline = time.monotonic() + patience_s
        while (left := self.processes()) and time.monotonic() < deadline:
            for process in left if kill else ():
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(0.05)
        return left


@dataclass(frozen=True)
class Ended:
    """How a demo ended: its exit status as a shell reports it, and what it printed to each of its outputs."""

    status: int
    output: str
    errors: str


@dataclass
class RunningDemo:
    """A demo that runs, the folder of its report, and the port of its page."""

    process: "subprocess.Popen[str]"
    reports: Path
    port: int
    mark: Mark

    @property
    def page(self) -> str:
        """The address of the live page."""
        return f"http://127.0.0.1:{self.port}/sadpath"

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds; fail where the demo ends before."""
        until(lambda: condition() or self.process.poll() is not None, PATIENCE_S, what)
        assert condition() or self.process.poll() is None, f"the demo ended before {what}"

    def wait_for_samples(self, count: int) -> None:
        """Wait until there are this many of the leaky arm."""
        self.wait(lambda: len(self.samples("reused")) >= count, f"{count} samples")

    def finish(self) -> Ended:
        """Wait for its end, and return how it ended. Nothing of it may be left running, and no traceback printed."""
        status = self.process.wait(PATIENCE_S)
        left = self.mark.left_over()
        assert not left, f"left running: {', '.join(map(command, left))}"
        output, errors = (text or "" for text in self.process.communicate())
        assert "Traceback (most recent call last)" not in output + errors, output + errors
        return Ended(status if status >= 0 else 128 - status, output, errors)

    def samples(self, arm: str) -> list[Sample]:
        """Return the samples of an arm that are on disk."""
        with suppress(OSError, ValueError):
            return [one for one in read_samples(self.reports / "samples.csv") if one.arm == arm]
        return []

    def summary(self) -> dict[str, Any]:
        """Return what it found."""
        return dict(json.loads((self.reports / "summary.json").read_text()))

    def part(self, name: str, arm: str = "") -> list[psutil.Process]:
        """Return its processes by the name of their part, of one arm where it is named, the oldest first."""
        if name == "demo":
            return [psutil.Process(self.process.pid)] if self.process.poll() is None else []
        processes = [one for one in self.mark.processes() if part_of(one) == name]
        return [one for one in processes if not arm or one.environ().get("LAB_ARM") == arm]


def part_of(process: psutil.Process) -> str:
    """Return the name of a process's part in the demo; empty for the demo itself."""
    words = command(process)
    if PARTS["helper"] in words:
        return "helper"
    return next((name for name, word in PARTS.items() if word in words.split()), "")


def command(process: psutil.Process) -> str:
    """Return the command of a process; empty where it has ended."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@contextmanager
def running_demo(
    folder: Path, *options: str, wrapper: Sequence[str] = (), environment: dict[str, str] | None = None, **how: Any
) -> Iterator[RunningDemo]:
    """Run a demo with its report in this folder; whatever happens, nothing of it runs when the block has ended.

    It gets our environment, without the settings of a demo that somebody may have in theirs.
    """
    mark, port = Mark(), free_port()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DEMO_", "LAB_", "SADPATH_"))}
    typed = [*wrapper, sys.executable, "-m", "loadtest", "demo", "--port", str(port), "--reports", str(folder)]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **how}
    with subprocess.Popen(
        [*typed, *options],
        cwd=ROOT,
        env={**ours, **mark.environment, **(environment or {})},
        text=True,
        start_new_session=True,
        **how,
    ) as process:
        try:
            yield RunningDemo(process, folder, port, mark)
        finally:
            mark.left_over(kill=True)
