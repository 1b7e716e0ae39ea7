"""Where memory figures come from: one interface, several sources.

A source reads now, or raises `Unreadable` with one line that says why. A reading that could not be had is a missing
sample, and never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Unreadable(Exception):  # noqa: N818 - a gap in the data is no error of the program
    """A source had no reading; the message says why, in one line."""


@dataclass(frozen=True)
class Reading:
    """What one process, or tree of processes, had at one moment. None where the source does not tell.

    `requests` and `collected_objects` count from the start of the process, which is what `start_time_s` (Unix time)
    tells apart: readings with another start time belong to another lifetime, and are never joined.
    """

    resident_bytes: float
    anonymous_bytes: float | None = None
    limit_bytes: float | None = None
    start_time_s: float | None = None
    requests: float | None = None
    collected_objects: float | None = None
    traceback_entries: float | None = None
    retained_frames: float | None = None

    @property
    def memory_bytes(self) -> float:
        """The best figure for what the process keeps: anonymous memory, or resident where that is all there is."""
        return self.resident_bytes if self.anonymous_bytes is None else self.anonymous_bytes


class Source(Protocol):
    """Anything that memory can be read from."""

    def read(self) -> Reading:
        """Read now. Raises `Unreadable`."""
        ...
