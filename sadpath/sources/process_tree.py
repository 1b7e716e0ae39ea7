"""A process of this machine with its descendants as a source of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psutil

from sadpath.sources import Reading, Unreadable


@dataclass(frozen=True)
class ProcessTree:
    """A process on this machine with all its descendants; memory summed, shared pages counted once for each."""

    pid: int

    def read(self) -> Reading:
        """Read every process of the tree. Raises `Unreadable` if the first is gone, or another user's."""
        try:
            root = psutil.Process(self.pid)
            infos = [info for info in map(_memory_of, [root, *root.children(recursive=True)]) if info]
            if not infos:
                raise Unreadable(f"process {self.pid} is gone")
            return Reading(
                resident_bytes=sum(info.rss for info in infos),
                anonymous_bytes=sum(info.uss for info in infos),
                start_time_s=root.create_time(),
            )
        except psutil.NoSuchProcess as gone:
            raise Unreadable(f"process {self.pid} is gone") from gone
        except psutil.AccessDenied as denied:
            raise Unreadable(f"process {self.pid} belongs to another user") from denied


def _memory_of(process: psutil.Process) -> Any | None:
    """Read one process of a tree; None for one that ended while the tree was being read."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.memory_full_info()
    except psutil.NoSuchProcess:
        return None
