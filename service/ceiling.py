"""The leash: a process that crosses its memory ceiling ends itself, so that a leak never takes the machine with it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import psutil

STATUS = 137
"""The exit status of a process that the kernel killed for its memory: 128 and SIGKILL's 9."""

CHECK_SECONDS = 0.1


def watch(arm: str, ceiling_mb: int) -> Callable[[], None]:
    """Watch this process's resident memory from a thread; return the function that ends the watch."""
    over = threading.Event()
    process = psutil.Process()

    def run() -> None:
        while not over.wait(CHECK_SECONDS):
            resident_mb = process.memory_info().rss / 2**20
            if resident_mb > ceiling_mb:
                _end(f"arm {arm}: {resident_mb:.0f} MiB is over the ceiling of {ceiling_mb} MiB; ending with {STATUS}")

    threading.Thread(target=run, name="memory-ceiling", daemon=True).start()
    return over.set


def _end(reason: str) -> None:
    """End at once, as an out-of-memory kill would: no clean-up, which would need memory and time."""
    sys.stderr.write(reason + "\n")
    sys.stderr.flush()
    os._exit(STATUS)
