"""Read this process's memory; settle it first where what is kept must be told from what was not yet given back."""

import ctypes
import gc
import re
import sys
from pathlib import Path
from typing import NamedTuple, Optional

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Where a control group's limit stands, version 2 and version 1. A container sees its own group as the root."""

NO_LIMIT = 2**60
"""Version 1 says "no limit" with a number that is nearly 2 to the power of 63; no machine has this much memory."""


class Memory(NamedTuple):
    """Memory of one process, in bytes. `unique` belongs to it alone, and would be free if it ended now."""

    resident: int
    unique: int


def read_memory(proc: Path = PROC) -> Optional[Memory]:
    """Read this process's memory from Linux's `/proc`, or return None where there is none (macOS, Windows).

    `unique` is the anonymous memory that `status` reports: it leaves out private pages of files, which no leak of
    objects touches. The kernel keeps it as a counter, so the reading costs the same however large the process is.
    Before Linux 6.16 the counter may be off by a few hundred KiB.
    """
    try:
        fields = _fields(proc / "self" / "status")
        return Memory(fields["VmRSS"], fields["RssAnon"])
    except (OSError, KeyError):
        return None


def read_memory_exactly(proc: Path = PROC) -> Optional[Memory]:
    """Read it page by page, from `smaps_rollup` (Linux 4.14 and later): `unique` is the same anonymous memory.

    The unique set size would also count the pages of libraries that no other process maps just now: that jumps by
    megabytes as neighbours come and go, and as the kernel drops pages of files. Costs about 8 milliseconds for each
    GiB. Where a sandbox hides the page this is `read_memory`.
    """
    try:
        fields = _fields(proc / "self" / "smaps_rollup")
        return Memory(fields["Rss"], fields["Anonymous"])
    except (OSError, KeyError):
        return read_memory(proc)


def memory_limit(root: Path = CGROUP) -> Optional[int]:
    """Return the bytes at which the kernel kills this process's container, or None where nothing limits it.

    `root` is where the control groups are mounted. Where both versions are, the lower limit is the one that kills.
    """
    limits = [limit for limit in (_limit(root / page) for page in LIMITS) if limit is not None]
    return min(limits) if limits else None


def settle() -> Optional[Memory]:
    """Collect all garbage, return free memory to the system, and read what is left.

    Takes as long as a full collection, which is about a second for three million live objects.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)
    return read_memory_exactly()


def _fields(page: Path) -> "dict[str, int]":
    """Parse the lines `Name:  123 kB` of a page of `/proc`, into bytes."""
    return {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB$", page.read_text(), re.MULTILINE)}


def _limit(page: Path) -> Optional[int]:
    """Parse a page that holds a number of bytes; None for `max`, for a number that stands for it, and for no page."""
    try:
        limit = int(page.read_text())
    except (OSError, ValueError):
        return None
    return limit if 0 < limit < NO_LIMIT else None
