"""Run commands that must not outlive us, whichever way we end.

A child runs below a small process of this module that holds the other end of a pipe to us. When we end, even by
SIGKILL, the kernel closes our end; the small process sees that and kills all that is below it. On Linux that is all
that the command ever started: a daemon leaves its session and its parent, and the kernel gives it to the small process,
which is a subreaper (prctl(2)). Elsewhere it is the command's process group.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

KILLED = 128 + signal.SIGKILL
"""The exit status of a command that was killed, as a shell reports it."""

PR_SET_PDEATHSIG = 1
"""Of `prctl(2)`: the signal that a process gets when its parent ends."""

PR_SET_CHILD_SUBREAPER = 36
"""Of `prctl(2)`: whether a process becomes the parent of what its descendants leave behind."""

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""The signals that the small process lives through, and passes on."""

KILLS_FOR_S = 10.0
"""How long processes are killed that start others meanwhile, or that cannot be killed."""

LAST_BYTES = 1 << 16
"""How much of a log is read, and kept, from its end."""

MOST_OF_A_LOG = 1 << 26
"""Bytes at which a log is cut: what a service prints for each request would fill the disk."""

LOOKS_AT_LOG_S = 0.2


class Child:
    """A running command with its own session and log, tied to the lifetime of this process.

    With `follow`, what a command leaves behind that ends with status 0 is the command from then on: a daemon.
    """

    def __init__(
        self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, *, follow: bool = False
    ) -> None:
        with log.open("a+b") as output:
            self._log_starts = output.tell()  # what is before comes from another command
            self._process = subprocess.Popen(  # noqa: S603 - the caller's command
                # isolated: what is meant for the command is not for this
                [sys.executable, "-I", __file__, "follow" if follow else "", *command],
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
        """The small process, below which all others are."""
        return self._process.pid

    def status(self) -> int | None:
        """Return the command's exit status, 128 and the signal's number if it was killed; None while it runs."""
        if self._status is None and self._process.poll() is not None:
            self._signal_group(signal.SIGKILL)  # where the small process was killed, or there are no subreapers
            self._status = _as_a_shell_reports(self._process.returncode)
            self._let_go()
        return self._status

    def stop(self, first: signal.Signals = signal.SIGTERM, patience_s: float = 10.0) -> int:
        """Ask all that runs to end with the signal `first`, kill it when patience runs out, and return its status."""
        if self.status() is None and first in PASSED_ON:
            self._signal_group(first)
            self._wait(patience_s)
        self._let_go()
        self._wait(KILLS_FOR_S + 1)
        if self.status() is None:  # the small process does not run, but was stopped
            self._signal_group(signal.SIGKILL)
        self._process.wait()
        return self.status() or 0

    def last_line(self) -> str:
        """Return the last line of the log that is not all brackets and the like: mostly why the command ended."""
        return next((line for line in reversed(self.lines()) if any(map(str.isalnum, line))), "")

    def lines(self) -> list[str]:
        """Return the last lines of the log, without empty ones; none if the log is gone."""
        try:
            with self.log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                starts = self._log_starts if self._log_starts <= size else 0  # where it was cut
                log.seek(max(starts, size - LAST_BYTES))
                ours = log.read(LAST_BYTES).decode(errors="replace")
        except OSError:
            return []
        return [line for line in ours.splitlines() if line.strip()]

    def _wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _let_go(self) -> None:
        """Close our end of the pipe: the small process kills all that is below it, and ends."""
        if self._process.stdin:
            self._process.stdin.close()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _run(command: Sequence[str], *, follow: bool) -> int:
    """Run `command` until it ends, or until the standard input of this process does; return its status."""
    _set_process(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # as long as it is ignored nobody waits for it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, signal.SIGCHLD))

    def begin() -> None:
        die_with_parent()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        child = subprocess.Popen(  # noqa: S603 - the caller's command
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=begin,  # noqa: PLW1509 - this process has one thread yet
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    for work in (_kill_when_alone, _bound_log):
        threading.Thread(target=work, daemon=True).start()
    status = _as_a_shell_reports(_wait_for(child.pid, follow=follow))
    _kill_all()
    return status


def _wait_for(command: int, *, follow: bool) -> int:
    """Pass signals on until the command has ended and, with `follow`, all that it left; return the last's status."""
    last: int | None = None
    while True:
        number = signal.sigwait((*PASSED_ON, signal.SIGCHLD))
        if number != signal.SIGCHLD:
            _pass_on(number)
        for pid, status in _reaped():
            if pid == command and (status or not follow):
                return status
            if pid == command or last is not None:
                last = status
        if last is not None and not _has_children():
            return last


def _reaped() -> Iterator[tuple[int, int]]:
    """Take the ends of processes that are ours or were given to us: each id, and its status as of `Popen`."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended[0], os.waitstatus_to_exitcode(ended[1])


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _kill_when_alone() -> None:
    os.read(0, 1)
    _kill_all()
    if sys.platform != "linux":
        os.killpg(0, signal.SIGKILL)
    os._exit(KILLED)


def _bound_log() -> None:
    """Leave but the end of a log that grows too long. All who write to it append, to whatever is there."""
    while True:
        time.sleep(LOOKS_AT_LOG_S)
        if (size := os.fstat(1).st_size) > MOST_OF_A_LOG:
            end = os.pread(1, LAST_BYTES, size - LAST_BYTES)
            os.ftruncate(1, 0)
            os.write(1, end)


def _kill_all() -> None:
    """Kill all that is below this process, until it has no children: one that moves on to a child may not be listed."""
    deadline = time.monotonic() + KILLS_FOR_S
    while sys.platform == "linux" and _has_children() and time.monotonic() < deadline:
        for pid in _below(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        collections.deque(_reaped(), maxlen=0)
        time.sleep(0.001)


def _pass_on(number: int) -> None:
    """Send a signal to what is below this process and has left its group, which gets the signal from our owner."""
    for pid in _below(os.getpid()):
        with contextlib.suppress(OSError):
            if os.getpgid(pid) != os.getpgrp():
                os.kill(pid, number)


def _below(top: int) -> list[int]:
    """Return the processes below another, each after its parent; as Linux lists them, also while they come and go."""
    found = [top]
    for above in found:  # which grows
        for task in Path(f"/proc/{above}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
    return found[1:]


def die_with_parent() -> None:
    """Let the kernel end a child that calls this with its parent, also when the parent is killed (Linux)."""
    _set_process(PR_SET_PDEATHSIG, signal.SIGKILL)


def _set_process(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _as_a_shell_reports(status: int) -> int:
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(_run(sys.argv[2:], follow=bool(sys.argv[1])))
