"""The memory limit: a process that crosses it ends itself, so that a leak never takes the machine with it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import psutil

STATUS = 137
"""The exit status of a process that the kernel killed for its memory: 128 and SIGKILL's 9."""

CHECK_SECONDS = 0.1


def watch(arm: str, memory_limit_mb: int) -> Callable[[], None]:
    """Watch this process's resident memory from a thread; return the function that ends the watch."""
    over = threading.Event()
    process = psutil.Process()

    def run() -> None:
        while not over.wait(CHECK_SECONDS):
            resident_mb = process.memory_info().rss / 2**20
            if resident_mb > memory_limit_mb:
                over_it = f"{resident_mb:.0f} MiB is over its memory limit of {memory_limit_mb} MiB"
                _end(f"arm {arm}: {over_it}; ending with {STATUS}")

    threading.Thread(target=run, name="memory-limit", daemon=True).start()
    return over.set


def _end(reason: str) -> None:
    """End at once, as an out-of-memory kill would: no clean-up, which would need memory and time."""
    sys.stderr.write(reason + "\n")
    sys.stderr.flush()
    os._exit(STATUS)
