"""The memory limit: a process that crosses it ends itself, so that a leak never exhausts the machine's memory."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable

import psutil

STATUS = 137
"""The exit status of a process that the kernel killed for its memory: 128 and SIGKILL's 9."""

CHECK_SECONDS = 0.1


def watch(arm: str, memory_limit_mb: int) -> Callable[[], None]:
    """Watch this process's resident memory from a thread; return the function that stops the thread."""
    stopped = threading.Event()
    process = psutil.Process()

    def run() -> None:
        while not stopped.wait(CHECK_SECONDS):
            resident_mb = process.memory_info().rss / 2**20
            if resident_mb > memory_limit_mb:
                _end(f"{arm}: over its memory limit ({math.ceil(resident_mb)} of {memory_limit_mb} MiB resident)")

    threading.Thread(target=run, name="memory-limit", daemon=True).start()
    return stopped.set


def _end(reason: str) -> None:
    """End at once, as an out-of-memory kill would: a clean-up would need memory and time."""
    sys.stderr.write(f"{reason}; exit status {STATUS}\n")
    sys.stderr.flush()
    os._exit(STATUS)
