"""Count the bytes that this process's allocators have handed out and not got back: exact where pages cannot be.

A page stays with a process as long as one object on it is alive, and a new object may go where there was room anyway,
so pages show growth late and roughly. The allocators know it to the byte: pymalloc prints its blocks by size class
(`_PyObject_DebugMallocStats`), and glibc returns what `malloc` has handed out to everybody else (`mallinfo2`).
"""

import ctypes
import re
import sys
from functools import lru_cache
from typing import Optional

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
