"""Run commands that must not outlive us, whichever way we end.

A child runs below a small process of this module that holds the other end of a pipe to us. When we end, even by
SIGKILL, the kernel closes our end; the small process sees that and ends the child's whole process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

KILLED = 128 + signal.SIGKILL
"""The exit status of a command that was killed, as a shell reports it."""

PR_SET_PDEATHSIG = 1
"""Of `prctl(2)`: the signal that a process gets when its parent ends."""


class Child:
    """A running command with its own process group and log, tied to the lifetime of this process."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        with log.open("ab") as output:
            self._log_starts = output.tell()  # what is before comes from another command
            self._process = subprocess.Popen(  # noqa: S603 - the caller's command
                [sys.executable, "-I", __file__, *command],  # what is meant for the command is not for this
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self.log = log
        self._status: int | None = None

    @property
    def pid(self) -> int:
        """The process above the command, whose group all belong to."""
        return self._process.pid

    def status(self) -> int | None:
        """Return the command's exit status, 128 and the signal's number if it was killed; None while it runs."""
        if self._status is None and self._process.poll() is not None:
            self._signal(signal.SIGKILL)  # whatever it left behind in its group
            self._status = _as_a_shell_reports(self._process.returncode)
            if self._process.stdin:
                self._process.stdin.close()
        return self._status

    def stop(self, first: signal.Signals = signal.SIGTERM, patience_s: float = 10.0) -> int:
        """Ask the command to end with the signal `first`, kill it when patience runs out, and return its status."""
        if self.status() is None:
            self._signal(first)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
        if self.status() is None:
            self._signal(signal.SIGKILL)
        self._process.wait()
        return self.status() or 0

    def last_line(self) -> str:
        """Return the last line of the log that is not all brackets and the like: mostly why the command ended."""
        return next((line for line in reversed(self.lines()) if any(map(str.isalnum, line))), "")

    def lines(self) -> list[str]:
        """Return the lines of the log that are not empty; none if the log is gone."""
        try:
            ours = self.log.read_bytes()[self._log_starts :].decode(errors="replace")
        except OSError:
            return []
        return [line for line in ours.splitlines() if line.strip()]

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _run(command: Sequence[str]) -> int:
    """Run `command` until it ends, or until the standard input of this process does; return its status."""

    def leave_it_to_the_command(_: int, __: FrameType | None) -> None:
        """Live on while the command handles the signal, which the whole group got."""

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave_it_to_the_command)
    try:
        child = subprocess.Popen(  # noqa: S603 - the caller's command
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread yet
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    threading.Thread(target=_kill_group_when_alone, daemon=True).start()
    return _as_a_shell_reports(child.wait())


def die_with_parent() -> None:
    """Let the kernel end a child that calls this with its parent, also when the parent is killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _as_a_shell_reports(status: int) -> int:
    return status if status >= 0 else 128 - status


def _kill_group_when_alone() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
