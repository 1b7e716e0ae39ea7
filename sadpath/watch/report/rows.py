"""The rows that charts draw: of a long run a few hundred for each arm, thinned as its samples come.

So a poll of the live page costs the same after a minute and after a day, and none of what a chart must show is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sadpath.sources import Reading
from sadpath.watch.run import Lifetime, Run, reading_of
from sadpath.watch.sample_file import Sample

Row = dict[str, Any]

MAX_ROWS = 500
"""Rows of one arm above which some are left out; the first and the last of each lifetime stay."""


def chart_rows(run: Run) -> list[Row]:
    """Return the rows of a whole run; `requests` is counted through all restarts."""
    return ChartRows(anonymous=run.is_anonymous).of(run)


class ChartRows:
    """The rows of a run that may still grow. `anonymous` is whether anonymous memory is drawn, or resident memory."""

    def __init__(self, *, anonymous: bool) -> None:
        self._anonymous = anonymous
        self._run: Run | None = None
        self._arms: dict[str, _Arm] = {}

    def of(self, run: Run) -> list[Row]:
        """Return the rows of all arms. Only the samples that came since the last call are looked at."""
        return [point.row(anonymous=self._anonymous) for point in self._points(run)]

    def as_json(self, run: Run) -> str:
        """Return the same rows as JSON. Each is written once, however often it is asked for."""
        return f"[{','.join(point.text(anonymous=self._anonymous) for point in self._points(run))}]"

    def _points(self, run: Run) -> Iterator[_Point]:
        if run is not self._run:
            self._run, self._arms = run, {}
        for arm, lifetimes in run.lifetimes.items():
            self._arms.setdefault(arm, _Arm(self._anonymous)).update(lifetimes)
        for one in self._arms.values():
            yield from one.points()


@dataclass
class _Point:
    """The sample with the most memory among `count` neighbours; a pinned one has no neighbours, and stays."""

    number: int
    lifetime: Lifetime
    sample: Sample
    memory: float
    count: int = 1
    pinned: bool = False
    _row: Row | None = field(default=None, repr=False)
    _text: str = field(default="", repr=False)

    def take(self, other: _Point) -> None:
        """Stand for the samples of another point too."""
        self.count += other.count
        if other.memory > self.memory:
            self.sample, self.memory, self._row, self._text = other.sample, other.memory, None, ""

    def row(self, *, anonymous: bool) -> Row:
        """Return the row, which is made once."""
        self._row = self._row or _row(self.lifetime, self.number, self.sample, anonymous=anonymous)
        return self._row

    def text(self, *, anonymous: bool) -> str:
        """Return the row as JSON, which is made once."""
        self._text = self._text or json.dumps(self.row(anonymous=anonymous), separators=(",", ":"))
        return self._text


class _Arm:
    """The points of one arm. Whenever they are too many, neighbours become one that stands for both."""

    def __init__(self, anonymous: bool) -> None:  # noqa: FBT001 - of this module alone
        self._anonymous = anonymous
        self._points: list[_Point] = []
        self._last: _Point | None = None
        self._most, self._width = MAX_ROWS, 1
        self._number, self._taken = 0, 0

    def update(self, lifetimes: Sequence[Lifetime]) -> None:
        """Take the samples that are new."""
        for number in range(self._number, len(lifetimes)):
            if number > self._number:
                self._end_lifetime(number)
            lifetime = lifetimes[number]
            for sample in lifetime.samples[self._taken :]:
                self._add(_Point(number, lifetime, sample, _memory(reading_of(sample), anonymous=self._anonymous)))
            self._taken = len(lifetime.samples)

    def points(self) -> Iterator[_Point]:
        """Yield the points that are drawn, in order: the last sample is always one."""
        yield from self._points
        if self._last and self._points[-1].sample is not self._last.sample:
            yield self._last

    def _end_lifetime(self, number: int) -> None:
        if self._last and self._points[-1].sample is not self._last.sample:
            self._last.pinned = True
            self._points.append(self._last)
        self._number, self._taken = number, 0

    def _add(self, point: _Point) -> None:
        point.pinned = self._last is None or self._last.number != point.number
        self._last = point
        if self._points and not point.pinned and self._has_room(self._points[-1], point):
            self._points[-1].take(point)
        else:
            self._points.append(replace(point))
        if len(self._points) > self._most:
            self._halve()

    def _halve(self) -> None:
        self._width *= 2
        points, self._points = self._points, []
        for point in points:
            if self._points and self._has_room(self._points[-1], point):
                self._points[-1].take(point)
            else:
                self._points.append(point)
        self._most = max(MAX_ROWS, 2 * len(self._points))  # after many restarts most are pinned

    def _has_room(self, point: _Point, other: _Point) -> bool:
        return not (point.pinned or other.pinned) and point.count + other.count <= self._width


def _row(lifetime: Lifetime, number: int, sample: Sample, *, anonymous: bool) -> Row:
    reading = reading_of(sample)
    return {
        "arm": sample.arm,
        "elapsed_s": sample.elapsed_s,
        "requests": lifetime.served_before + (reading.requests or 0),
        "memory_mib": _memory(reading, anonymous=anonymous) / 2**20,
        "resident_mib": reading.resident_bytes / 2**20,
        "limit_mib": reading.limit_bytes and reading.limit_bytes / 2**20,
        "entries": reading.traceback_entries,
        "p99_ms": sample.latency.p99_ms,
        "lifetime": number,
        "restarted": number > 0 and sample is lifetime.samples[0],
    }


def _memory(reading: Reading, *, anonymous: bool) -> float:
    return reading.memory_bytes if anonymous else reading.resident_bytes
