"""The memory limit: a process that crosses it ends itself, so that a leak never exhausts the machine's memory."""

from __future__ import annotations

import math
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import psutil

STATUS = 137
"""The exit status of a process that the kernel killed for its memory: 128 and SIGKILL's 9."""

CHECK_SECONDS = 0.1
LEAST_CHECK_SECONDS = 0.002
FASTEST_GROWTH_MB = 1024
"""MiB by which a process may grow in a second; the next check is due before such growth reaches the limit."""

SPEAK_SECONDS = 0.1
PIPE_BUF = 4096


def watch(arm: str, memory_limit_mb: int) -> Callable[[], None]:
    """Watch this process's resident memory from a thread; return the function that stops the thread."""
    stopped = threading.Event()
    process = psutil.Process()

    def run() -> None:
        delay = CHECK_SECONDS
        while not stopped.wait(delay):
            resident_mb = process.memory_info().rss / 2**20
            if resident_mb > memory_limit_mb:
                _end(f"{arm}: over its memory limit ({math.ceil(resident_mb)} of {memory_limit_mb} MiB resident)")
            delay = _delay(memory_limit_mb - resident_mb)

    threading.Thread(target=run, name="memory-limit", daemon=True).start()
    return stopped.set


def _delay(left_mb: float) -> float:
    """Return the seconds until the next check: fewer, the nearer the limit is."""
    return min(CHECK_SECONDS, max(LEAST_CHECK_SECONDS, left_mb / FASTEST_GROWTH_MB))


def _end(reason: str) -> None:
    """End at once, as an out-of-memory kill would: a clean-up would need memory and time.

    Nothing keeps the process from ending: not a stderr that is closed or full, nor a terminal that is stopped.
    """
    try:
        speaker = threading.Thread(target=_say, args=(f"{reason}; exit status {STATUS}\n",), daemon=True)
        speaker.start()
        speaker.join(SPEAK_SECONDS)
    finally:
        os._exit(STATUS)


def _say(line: str) -> None:
    """Write to stderr if it takes the line now. In a thread of its own, since a write can block all the same."""
    with suppress(Exception):
        stderr = sys.stderr.fileno()
        if select.select([], [stderr], [], 0)[1]:
            os.write(stderr, line.encode(errors="replace")[:PIPE_BUF])
