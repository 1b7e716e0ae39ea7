"""A check that runs: what it started and what it put into the temporary folder is found, whatever became of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.check.conftest import HERE, environment
from tests.running_demo import Ended, Mark, command
from tests.waiting import PATIENCE_S


@dataclass
class RunningCheck:
    """A check that runs, and the folder that it takes for its temporary files."""

    process: subprocess.Popen[str]
    temporary: Path
    mark: Mark

    def finish(self) -> Ended:
        """Wait for its end, and return how it ended. No traceback may be printed."""
        status = self.process.wait(PATIENCE_S)
        output, errors = (text or "" for text in self.process.communicate(timeout=PATIENCE_S))
        assert "Traceback (most recent call last)" not in output + errors, output + errors
        return Ended(status if status >= 0 else 128 - status, output, errors)

    def left(self) -> list[str]:
        """Return what it has left: the commands of processes that do not end, and the names of files and folders."""
        processes = [command(process) for process in self.mark.left_over()]
        return processes + [file.name for file in self.temporary.iterdir()]


@contextmanager
def running_check(folder: Path, *arguments: str, **how: Any) -> Iterator[RunningCheck]:
    """Run a check; whatever happens, nothing of it runs when the block has ended."""
    mark, temporary = Mark(), folder / "temporary"
    temporary.mkdir()
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **how}
    env = environment(TMPDIR=str(temporary), **mark.environment)
    typed = [sys.executable, "-m", "sadpath", "check", *arguments]
    with subprocess.Popen(typed, cwd=HERE, env=env, text=True, start_new_session=True, **how) as process:
        try:
            yield RunningCheck(process, temporary, mark)
        finally:
            mark.left_over(kill=True)
