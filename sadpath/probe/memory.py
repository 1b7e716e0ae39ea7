"""Read this process's memory: what its pages hold, what its allocators have handed out, and its container's limit.

A page stays with a process as long as one object on it is alive, and a new object may go where there was room anyway,
so pages show growth late and roughly. The allocators know it to the byte: pymalloc prints its blocks by size class
(`_PyObject_DebugMallocStats`), and glibc returns what `malloc` has handed out to everybody else (`mallinfo2`).
"""

import ctypes
import gc
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Optional

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
    return what_is_left()


def what_is_left() -> Settled:
    """Return free memory to the system, and read what is left, garbage that was not collected included."""
    return_free_memory()
    in_use, memory = bytes_in_use(), read_memory_by_page()
    return Settled(in_use, memory.anonymous if memory else None)


def bytes_in_use() -> Optional[int]:
    """Return the bytes in use by Python's objects and by C libraries, or None where the allocators do not report them.

    They do on Linux with glibc 2.33 or later and Python's default allocators. They do not with musl, with another
    `malloc` preloaded (jemalloc), or with mimalloc, which free-threaded builds use. Memory that a library maps for
    itself is not counted. Takes about a millisecond; collect garbage before, or it counts as in use.
    """
    c = _c_library()
    if c is None:
        return None
    info = c.mallinfo2()
    from_malloc = int(info.uordblks + info.hblkhd)
    from_pymalloc = _pymalloc_bytes(c)
    if from_pymalloc is None or not from_malloc:  # glibc counts nothing where another malloc took its place
        return None
    return from_pymalloc + from_malloc


def return_free_memory() -> None:
    """Give free memory back to the system, where the C library can be asked to: glibc can, musl cannot."""
    if sys.platform == "linux":
        trim = getattr(_any_c_library(), "malloc_trim", None)
        if trim is not None:
            trim(0)


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


_SIZE_CLASS = re.compile(r"^ *\d+ +(?P<block_bytes>\d+) +\d+ +(?P<blocks_in_use>\d+) +\d+$", re.MULTILINE)


class _MallocInfo(ctypes.Structure):
    """`struct mallinfo2` of glibc's `malloc.h`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@lru_cache(maxsize=1)
def _any_c_library() -> ctypes.CDLL:
    """Return the C library of this process; its functions run without the GIL."""
    return ctypes.CDLL(None)


@lru_cache(maxsize=1)
def _c_library() -> Optional[ctypes.PyDLL]:
    """Return the C library with all that is needed to count, None where something is missing.

    Its functions run with the GIL, since pymalloc must not change while it is counted.
    """
    if sys.platform != "linux":
        return None
    c = ctypes.PyDLL(None)
    try:
        c.mallinfo2.restype = _MallocInfo
        c.open_memstream.restype = ctypes.c_void_p
        c.open_memstream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        c._PyObject_DebugMallocStats.argtypes = [ctypes.c_void_p]  # noqa: SLF001 - nothing public counts by size
        c.fclose.argtypes = c.free.argtypes = [ctypes.c_void_p]
    except AttributeError:
        return None
    return c


def _pymalloc_bytes(c: ctypes.PyDLL) -> Optional[int]:
    """Return what pymalloc has handed out: 0 where it is switched off, None where something else has its place."""
    text, size = ctypes.c_char_p(), ctypes.c_size_t()
    stream = c.open_memstream(ctypes.byref(text), ctypes.byref(size))
    if not stream:
        return None
    is_on = c._PyObject_DebugMallocStats(stream)  # noqa: SLF001
    c.fclose(stream)
    page = ctypes.string_at(text, size.value).decode("ascii", "replace")
    c.free(text)
    if not is_on:
        return 0
    classes = _SIZE_CLASS.findall(page)
    return sum(int(block_bytes) * int(blocks) for block_bytes, blocks in classes) if classes else None
