"""A demo of a few seconds, with a mark, a folder and a port of its own, that can be hit while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from loadtest import HEADLINE
from loadtest.ports import free_port
from loadtest.trial.marked import LOOK_AGAIN_S, Mark, describe, ports_of, still_open
from sadpath.lifeline import KILLED
from sadpath.watch.report import SAMPLES
from sadpath.watch.sample_file import Sample, read_samples

ROOT = Path(__file__).parents[2]
SECONDS = 6
ENDS_WITHIN_S = 60.0
"""How long a demo may take to start, and to end, beside the seconds that it runs."""

COPIED_WITHIN_S = 2.0

MARKS = {"arm": "uvicorn", "Locust": "locust", "helper": "lifeline"}
"""What the command of a process contains, by the name of its part in the demo; the helper's also has the other's."""


@dataclass
class ShortDemo:
    """A demo that runs. What it prints is copied to files in `folder`, so that no limit on its own files affects it."""

    folder: Path
    process: subprocess.Popen[bytes]
    mark: Mark
    ports: set[int] = field(default_factory=set)
    _copiers: list[threading.Thread] = field(default_factory=list)

    def copy_output(self) -> None:
        """Begin to copy what it prints."""
        for name, pipe in (("output", self.process.stdout), ("errors", self.process.stderr)):
            (self.folder / name).touch()
            if pipe:
                self._copiers.append(threading.Thread(target=_copy, args=(pipe, self.folder / name), daemon=True))
                self._copiers[-1].start()

    def finish_copying(self) -> None:
        """Wait for the last of what it printed; something that is left over may hold its outputs open."""
        for copier in self._copiers:
            copier.join(COPIED_WITHIN_S)

    @property
    def reports(self) -> Path:
        """The folder of its report."""
        return self.folder / "reports"

    def part(self, name: str) -> list[psutil.Process]:
        """Return its processes by the name of their part, the oldest first."""
        if name == "demo":
            return [psutil.Process(self.process.pid)] if self.process.poll() is None else []
        return [one for one in self.mark.processes() if part_of(one) == name]

    def wait(self, condition: Callable[[], object], patience_s: float) -> bool:
        """Wait until a condition holds, the demo has ended, or patience has; return whether it holds."""
        deadline = time.monotonic() + patience_s
        while not (holds := bool(condition())) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_S)
        return holds

    def note_ports(self) -> None:
        """Remember the ports that it listens on now: nobody may, once it has ended."""
        self.ports |= ports_of(self.mark.processes())

    def status(self, patience_s: float = SECONDS + ENDS_WITHIN_S) -> int | None:
        """Wait for its end, and return its exit status as a shell reports it; None if it does not end in time."""
        try:
            status = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None
        return status if status >= 0 else 128 - status

    def samples(self) -> list[Sample]:
        """Return the samples that are on disk."""
        with suppress(OSError, ValueError):
            return read_samples(self.reports / SAMPLES)
        return []

    def output(self) -> str:
        """Return what it printed, to both of its outputs."""
        return (self.folder / "output").read_text(errors="replace")

    def errors(self) -> str:
        """Return what it printed to standard error."""
        return (self.folder / "errors").read_text(errors="replace")

    def remains(self) -> Iterator[str]:
        """Yield in words what is left of it, now that it has ended."""
        yield describe(self.mark.left_over())
        self.finish_copying()
        yield from (f"port {port} is still open" for port in still_open(self.ports))
        if "Traceback (most recent call last)" in self.errors() + self.output():
            yield f"a traceback: {last_line(self.errors() or self.output())}"


def part_of(process: psutil.Process) -> str:
    """Return the name of a process's part in the demo; empty for the demo itself."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return ""
    if any(MARKS["helper"] in word for word in command):
        return "helper"
    return next((name for name, word in MARKS.items() if word in command), "")


@contextmanager
def short_demo(
    folder: Path, reports: Path | None = None, *, wrapper: Sequence[str] = (), stdout: IO[bytes] | int | None = None
) -> Iterator[ShortDemo]:
    """Start a demo; whatever happens, nothing of it runs when the block has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    mark, port = Mark(), free_port()
    options = ["--seconds", str(SECONDS), "--warm-up", "1", "--rate", "50", "--twin", HEADLINE]
    command = [*wrapper, sys.executable, "-m", "loadtest", "demo", *options]
    command += ["--port", str(port), "--reports", str(reports or folder / "reports")]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env=environment(mark),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    demo = ShortDemo(folder, process, mark, {port})
    try:
        demo.copy_output()
        yield demo
    finally:
        mark.end()
        process.kill()
        process.wait()
        demo.finish_copying()


def _copy(pipe: IO[bytes], file: Path) -> None:
    with pipe, file.open("wb", buffering=0) as copy:
        for line in pipe:
            copy.write(line)


def environment(mark: Mark, **more: str) -> Mapping[str, str]:
    """Return our environment, marked, without the settings of a demo that somebody may have in theirs."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DEMO_", "LAB_", "SADPATH_"))}
    return {**ours, **mark.environment, **more}


def last_line(text: str) -> str:
    """Return the last line that is not empty."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def in_words(status: int | None) -> str:
    """Return an exit status in words."""
    if status is None:
        return "it did not end"
    return "killed" if status == KILLED else f"status {status}"
