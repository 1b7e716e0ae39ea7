"""What a command of ours left running, or in the temporary folder, once it has ended in whatever way."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.waiting import PATIENCE_S, until

MARK = "SADPATH_TEST_MARK"


@dataclass(frozen=True)
class Leftovers:
    """What is left of what was started with `environment`: its processes are marked, whichever parent they have."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment for a command, with a temporary folder of its own."""
        self.folder.mkdir(exist_ok=True)
        return {**os.environ, "TMPDIR": str(self.folder), MARK: self.mark}

    def processes(self) -> list[psutil.Process]:
        """The processes that run."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def files(self) -> list[str]:
        """What is in the temporary folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def assert_none(self) -> None:
        """Fail, with their names, unless all are gone in time."""
        with suppress(AssertionError):
            until(lambda: not (self.processes() or self.files()), PATIENCE_S, "their end")
        if left := [*map(_command, self.processes()), *self.files()]:
            raise AssertionError(f"left: {left}")

    def end(self) -> None:
        """Kill all processes."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether it has the mark; one that waits to be reaped, or is another user's, has no environment to read."""
        try:
            return process.environ().get(MARK) == self.mark
        except psutil.Error:
            return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return f"process {process.pid}, which has ended"
