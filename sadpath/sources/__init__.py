"""Where memory figures come from: one interface, several sources.

A source reads now, or raises `Unreadable` with the reason in one line. A reading that failed is a missing sample, never
a zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Protocol


class Unreadable(Exception):  # noqa: N818 - a missing sample is no error of the program
    """A source returned no reading; the message is the reason, in one line."""


@dataclass(frozen=True)
class Reading:
    """The figures of one process, or tree of processes, at one moment. None where the source does not report them.

    `requests` and `collected_objects` count from the start of the process, at `start_time_s` (Unix time): readings with
    different start times belong to different process lifetimes, and are never joined. `traceback_entries` is the total
    over all followed exceptions, `entries_by_error` the same by name, of the exceptions that retain something.
    """

    resident_bytes: float
    anonymous_bytes: float | None = None
    limit_bytes: float | None = None
    start_time_s: float | None = None
    requests: float | None = None
    collected_objects: float | None = None
    traceback_entries: float | None = None
    retained_frames: float | None = None
    entries_by_error: Mapping[str, float] = field(default_factory=dict)

    @property
    def memory_bytes(self) -> float:
        """The memory that a verdict is based on: anonymous memory, or resident memory where that is all we know."""
        return self.resident_bytes if self.anonymous_bytes is None else self.anonymous_bytes


class Source(Protocol):
    """Anything that memory can be read from. A message names it as `str` does: `container shop`."""

    def read(self) -> Reading:
        """Read now. Raises `Unreadable`."""
        ...


@dataclass(frozen=True)
class SourceSpec:
    """What memory is to be read from: a process with its descendants, a container or a page of metrics."""

    pid: int | None = None
    container: str = ""
    metrics: str = ""


_SOURCES = {
    "pid": "sadpath.sources.process_tree:ProcessTree",
    "container": "sadpath.sources.container:Container",
    "metrics": "sadpath.sources.metrics_page:MetricsPage",
}
"""The source that each field of a `SourceSpec` stands for; imported when it is asked for, since each has its needs."""


def source_of(spec: SourceSpec) -> Source:
    """Return the source that `spec` names; the first one of its fields, if several are set.

    Raises `ValueError` if none is.
    """
    for name, kind in _SOURCES.items():
        if value := getattr(spec, name):
            source: Source = resolve_name(kind)(value)
            return source
    raise ValueError(f"no source of memory: name one of {', '.join(_SOURCES)}")
