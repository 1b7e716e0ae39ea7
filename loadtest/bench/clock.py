"""Read the CPU time of another process."""

from __future__ import annotations

import sys
import time

import psutil

CPUCLOCK_SCHED = 2
"""Of Linux's `posix-timers.h`: the clock of the time for which a process was scheduled."""


def used_s(pid: int) -> float:
    """Return the CPU seconds of a process so far. Raises `OSError` or `psutil.Error` if it does not exist.

    Linux counts them in nanoseconds, on a clock whose number `clock_getcpuclockid(3)` makes of the process's id.
    Elsewhere they come in hundredths; the rests of a slice then fall to the server's next one, and to no other server.
    """
    if sys.platform == "linux":
        return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
