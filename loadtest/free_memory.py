"""How much memory a measurement may take."""

from __future__ import annotations

import psutil

from sadpath.probe.memory import memory_limit


def free_bytes() -> int:
    """Return the memory that a new process can have: the machine's, or less where a container limits us."""
    available = int(psutil.virtual_memory().available)
    limit = memory_limit()
    return available if limit is None else min(available, limit - psutil.Process().memory_info().rss)
