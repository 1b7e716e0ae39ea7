"""The memory limit of the check's own process: what a service sends is bounded, and this is for what was overlooked."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from sadpath.errors import CommandError, Status

MOST_MORE = 2 << 30
"""Bytes that the process may take beyond what it has when a check begins: descriptions and threads need most."""


@contextmanager
def limited_memory(most_more: int = MOST_MORE) -> Iterator[None]:
    """Let this process take no more than so many bytes in this block; what it starts in it inherits that.

    Raises `CommandError` where more is needed. It has no limit where the system counts no such memory.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    taken: int | None = getattr(psutil.Process().memory_info(), "data", None)
    if taken is not None:
        limits = [limit for limit in (soft, hard, taken + most_more) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    except MemoryError as error:
        words = f"the check itself needs more than {most_more >> 20:,} MiB; leave paths out with --exclude"
        raise CommandError(words, Status.FAILED) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
