"""A process of this machine with its descendants as a source of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from sadpath.probe.memory import PROC, read_memory_by_page
from sadpath.sources import Reading, Unreadable


@dataclass(frozen=True)
class ProcessTree:
    """A process on this machine with all its descendants; memory summed, shared pages counted once for each.

    Anonymous memory is known where there is a `/proc`. What psutil has elsewhere, the unique set size, is another
    figure: it counts the pages of files that no neighbour maps just now, and jumps as those come and go.
    """

    pid: int
    proc: Path = PROC

    def __str__(self) -> str:
        return f"process {self.pid}"

    def read(self) -> Reading:
        """Read every process of the tree. Raises `Unreadable` if the first is gone, or another user's."""
        try:
            root = psutil.Process(self.pid)
            readings = list(self._readings([root, *root.children(recursive=True)]))
            if not readings:
                raise Unreadable(f"process {self.pid} is gone")
            anonymous = [one.anonymous_bytes for one in readings if one.anonymous_bytes is not None]
            return Reading(
                resident_bytes=sum(one.resident_bytes for one in readings),
                anonymous_bytes=sum(anonymous) if anonymous else None,
                start_time_s=root.create_time(),
            )
        except psutil.NoSuchProcess as gone:
            raise Unreadable(f"process {self.pid} is gone") from gone
        except psutil.AccessDenied as denied:
            raise Unreadable(f"process {self.pid} belongs to another user") from denied

    def _readings(self, processes: list[psutil.Process]) -> Iterator[Reading]:
        """Yield the memory of those that did not end while the tree was being read."""
        for process in processes:
            if memory := read_memory_by_page(self.proc, str(process.pid)):
                yield Reading(memory.resident, memory.anonymous)
            elif not self.proc.exists():
                with suppress(psutil.NoSuchProcess):
                    yield Reading(process.memory_info().rss)
