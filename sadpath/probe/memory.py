"""Read this process's memory; settle it first where what is kept must be told from what was not yet given back."""

import ctypes
import gc
import re
import sys
from pathlib import Path
from typing import NamedTuple, Optional

PROC = Path("/proc")


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
    """Read it page by page, from `smaps_rollup` (Linux 4.14 and later): `unique` is the unique set size (USS).

    Costs about 8 milliseconds for each GiB. Where a sandbox hides the page this is `read_memory`.
    """
    try:
        fields = _fields(proc / "self" / "smaps_rollup")
        return Memory(fields["Rss"], fields["Private_Clean"] + fields["Private_Dirty"])
    except (OSError, KeyError):
        return read_memory(proc)


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
