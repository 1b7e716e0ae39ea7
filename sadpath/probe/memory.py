"""Read this process's memory; settled, where retained memory must be separated from memory not yet given back."""

import gc
import re
from pathlib import Path
from typing import NamedTuple, Optional

from .allocators import bytes_in_use, return_free_memory

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""The files with a control group's limit, version 2 and version 1. A container sees its own group as the root."""

NO_LIMIT = 2**60
"""Version 1 writes "no limit" as a number just below 2 to the power of 63; no machine has this much memory."""


class Memory(NamedTuple):
    """Memory of one process, in bytes: its resident memory, and its anonymous memory, resident or in swap."""

    resident: int
    anonymous: int


class Settled(NamedTuple):
    """What a process has left after a full collection, in bytes; None for what this platform does not report.

    `in_use` is exact: what the allocators have handed out. `anonymous` is memory in pages, with what a library maps for
    itself.
    """

    in_use: Optional[int]
    anonymous: Optional[int]


def read_memory(proc: Path = PROC, pid: str = "self") -> Optional[Memory]:
    """Read this process's memory from Linux's `/proc`, or return None where that is missing (macOS, Windows).

    Anonymous memory, `RssAnon` and `VmSwap` in `status`, leaves out private pages of files, which no leak of objects
    touches. The kernel keeps it as a counter, so the reading costs the same however large the process is. Before Linux
    6.16 the counter may be off by a few hundred KiB.
    """
    try:
        fields = _fields(proc / pid / "status")
        return Memory(fields["VmRSS"], fields["RssAnon"] + fields.get("VmSwap", 0))
    except (OSError, KeyError):
        return None


def read_memory_by_page(proc: Path = PROC, pid: str = "self") -> Optional[Memory]:
    """Read the same page by page, from `smaps_rollup` (Linux 4.14 and later), where no counter lags behind.

    The unique set size would also count the pages of libraries that no other process maps just now: that jumps by
    megabytes as neighbours come and go, and as the kernel drops pages of files. Costs about 8 milliseconds for each
    GiB. Where a sandbox hides the page this is `read_memory`.
    """
    try:
        fields = _fields(proc / pid / "smaps_rollup")
        return Memory(fields["Rss"], fields["Anonymous"] + fields.get("Swap", 0))
    except (OSError, KeyError):
        return read_memory(proc, pid)


def memory_limit(root: Path = CGROUP) -> Optional[int]:
    """Return the bytes at which the kernel kills this process's container, or None without a limit.

    `root` is where the control groups are mounted. Where both versions are, the lower limit is the one that kills.
    """
    limits = [limit for limit in (_limit(root / page) for page in LIMITS) if limit is not None]
    return min(limits) if limits else None


def settle() -> Settled:
    """Collect all garbage, return free memory to the system, and read what is left.

    Takes as long as a full collection, which is about a second for three million live objects.
    """
    gc.collect()
    return_free_memory()
    memory = read_memory_by_page()
    return Settled(bytes_in_use(), memory.anonymous if memory else None)


def _fields(page: Path) -> "dict[str, int]":
    """Parse the lines `Name:  123 kB` of a page of `/proc`, into bytes."""
    return {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB$", page.read_text(), re.MULTILINE)}


def _limit(page: Path) -> Optional[int]:
    """Parse a page that holds a number of bytes; None for `max`, for a number that means the same, and for no page."""
    try:
        limit = int(page.read_text())
    except (OSError, ValueError):
        return None
    return limit if 0 < limit < NO_LIMIT else None
