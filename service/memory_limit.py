"""The memory limit: a process that crosses it ends itself, so that a leak never exhausts the machine's memory."""

from __future__ import annotations

import math
import os
import select
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import psutil

from sadpath.lifeline import KILLED

CHECK_SECONDS = 0.1
LEAST_CHECK_SECONDS = 0.002
FASTEST_GROWTH_MB = 4096
"""MiB by which a process may grow in a second; the next check is due before such growth reaches the limit."""

SPEAK_SECONDS = 0.1
NEAR_MB = 64
SWITCH_SECONDS = 0.0002
"""How long other threads may go on computing before it is our turn, once memory is within `NEAR_MB` of the limit."""

PIPE_BUF = 4096


def watch(arm: str, memory_limit_mb: int) -> Callable[[], None]:
    """Watch this process's resident memory from a thread; return the function that stops the thread."""
    stopped = threading.Event()
    resident_bytes = _reader()

    def run() -> None:
        delay = CHECK_SECONDS
        while not stopped.wait(delay):
            resident_mb = resident_bytes() / 2**20
            if resident_mb > memory_limit_mb - NEAR_MB:
                sys.setswitchinterval(SWITCH_SECONDS)
            if resident_mb > memory_limit_mb:
                _end(f"{arm}: over its memory limit ({math.ceil(resident_mb)} of {memory_limit_mb} MiB resident)")
            delay = _delay(memory_limit_mb - resident_mb)

    threading.Thread(target=run, name="memory-limit", daemon=True).start()
    return stopped.set


def _reader() -> Callable[[], int]:
    """Return what reads this process's resident memory, in bytes.

    While another thread computes, each system call makes us wait for our next turn, and memory grows meanwhile: on
    Linux one call is all it takes.
    """
    try:
        statm = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        process = psutil.Process()
        return lambda: process.memory_info().rss
    page = os.sysconf("SC_PAGE_SIZE")
    return lambda: int(os.pread(statm, 128, 0).split()[1]) * page


def _delay(left_mb: float) -> float:
    """Return the seconds until the next check: fewer, the nearer the limit is."""
    return min(CHECK_SECONDS, max(LEAST_CHECK_SECONDS, left_mb / FASTEST_GROWTH_MB))


def _end(reason: str) -> None:
    """End at once, as an out-of-memory kill would, and with its status: a clean-up would need memory and time.

    Nothing keeps the process from ending: not a stderr that is closed or full, nor a terminal that is stopped.
    """
    try:
        line = f"{reason}; exit status {KILLED}\n"
        if not _can_block():
            _say(line)  # at once: memory grows for as long as we wait for another thread
            return
        speaker = threading.Thread(target=_say, args=(line,), daemon=True)
        speaker.start()
        speaker.join(SPEAK_SECONDS)
    finally:
        os._exit(KILLED)


def _can_block() -> bool:
    """Whether stderr can keep a short line waiting although it took one a moment ago: a terminal that is stopped."""
    try:
        mode = os.fstat(sys.stderr.fileno()).st_mode
        return stat.S_ISSOCK(mode) or os.isatty(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False


def _say(line: str) -> None:
    """Write to stderr if it takes the line now."""
    with suppress(Exception):
        stderr = sys.stderr.fileno()
        if select.select([], [stderr], [], 0)[1]:
            os.write(stderr, line.encode(errors="replace")[:PIPE_BUF])
