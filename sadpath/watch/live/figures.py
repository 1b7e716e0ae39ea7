"""The figures of the live page: what each arm is at, as far as the run has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from sadpath.sources import Reading
from sadpath.watch.report.charts import ROWS_OF_MARKS
from sadpath.watch.run import Lifetime, Run, reading_of
from sadpath.watch.sample_file import Sample

MIB = 2**20
WINDOW_S = 20.0
"""Over how long a growth is taken: long enough to be steady, short enough to follow what was just done."""

LEAST_S = 10.0
LEAST_REQUESTS = 50
HOUR_S = 3600.0
KILLED_ABOVE = 0.85
"""The share of its memory limit above which a process that ended was killed at it."""

SHOWN_ERRORS = 5
LEFT_FROM = 0.75
"""The share of a run from which the words of a mark have no room on the right."""
SAME_ACTION_S = 3.0
"""Within this time the samples of all arms have an action that was done to them at once."""


@dataclass(frozen=True)
class Figures:
    """One arm now. What is not known yet is None. Memory is resident memory, in MiB: the one that has a limit.

    `until` is what the page shows of the time to the memory limit: seconds, `measuring`, `over 1 hour`, `down`, or
    nothing where there is no limit. `bytes_per_request` is the growth of the last `WINDOW_S`, of anonymous memory
    where that is reported.
    """

    memory_mib: float | None
    grown_mib: float | None
    limit_mib: float | None
    requests: float | None
    entries: int | None
    p99_ms: float | None
    bytes_per_request: float | None
    until: float | str | None
    restarts: int
    kills: int
    is_down: bool
    errors: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class ChartMark:
    """Something that happened at one time, in seconds since the run began: `kind` is action, killed or restarted.

    `row` and `side` are where its words stand: those of one that follows closely stand below those of the one before,
    and near the end of the chart they stand left of the line.
    """

    elapsed_s: float
    kind: str
    words: str
    arm: str
    row: int = 0
    side: str = "right"


def figures_of(run: Run, arm: str, last: Mapping[str, Sample]) -> Figures:
    """Return the figures of one arm; `last` has the last sample of each, also one that is missing."""
    lifetimes = run.lifetimes.get(arm, [])
    sample = last.get(arm)
    is_down = sample is not None and sample.reading is None
    if not lifetimes:
        return Figures(None, None, None, None, None, None, None, None, 0, 0, is_down, [])
    now = lifetimes[-1]
    reading, window = now.last, _window(now)
    return Figures(
        memory_mib=reading.resident_bytes / MIB,
        grown_mib=(reading.resident_bytes - now.first.resident_bytes) / MIB,
        limit_mib=reading.limit_bytes and reading.limit_bytes / MIB,
        requests=now.served_before + (reading.requests or 0),
        entries=None if reading.traceback_entries is None else int(reading.traceback_entries),
        p99_ms=now.samples[-1].latency.p99_ms,
        bytes_per_request=_bytes_per_request(window),
        until="down" if is_down else _until(window),
        restarts=run.restarts(arm),
        kills=sum(was_killed(one) for one in lifetimes[:-1]),
        is_down=is_down,
        errors=_largest(reading),
    )


def was_killed(lifetime: Lifetime) -> bool:
    """Whether a lifetime that is over ended near its memory limit."""
    last = lifetime.last
    return bool(last.limit_bytes) and last.resident_bytes > KILLED_ABOVE * (last.limit_bytes or 0)


def marks_of(run: Run) -> list[dict[str, object]]:
    """Return what happened, in order: each action, once for all arms that it was done to, and each restart."""
    marks = list(_actions(run))
    for arm, lifetimes in run.lifetimes.items():
        for before, after in pairwise(lifetimes):
            kind = "killed" if was_killed(before) else "restarted"
            marks.append(ChartMark(after.samples[0].elapsed_s, kind, f"{arm} {kind}", arm))
    marks.sort(key=lambda mark: mark.elapsed_s)
    turns = LEFT_FROM * (run.samples[-1].elapsed_s if run.samples else 0.0)
    return [
        asdict(replace(mark, row=number % ROWS_OF_MARKS, side="left" if mark.elapsed_s > turns else "right"))
        for number, mark in enumerate(marks)
    ]


def _actions(run: Run) -> Iterator[ChartMark]:
    """Yield the actions. What was done to several arms is in the next sample of each."""
    done: dict[str, Sample] = {}
    for sample in run.marked:
        for words in sample.mark.split("; "):
            before = done.get(words)
            if before and before.arm != sample.arm and sample.elapsed_s - before.elapsed_s < SAME_ACTION_S:
                continue
            done[words] = sample
            yield ChartMark(sample.elapsed_s, "action", words, sample.arm)


def _window(lifetime: Lifetime) -> list[Sample]:
    """Return the samples of the last `WINDOW_S` after the warm-up, since somebody last did something."""
    latest = lifetime.samples[-1].elapsed_s
    window: list[Sample] = []
    for sample in reversed(lifetime.samples):
        if sample.phase != "measured" or sample.elapsed_s < latest - WINDOW_S:
            break
        window.append(sample)
        if sample.mark:
            break
    return window[::-1]


def _bytes_per_request(window: Sequence[Sample]) -> float | None:
    if len(window) < 2:  # noqa: PLR2004 - two ends
        return None
    first, last = reading_of(window[0]), reading_of(window[-1])
    requests = (last.requests or 0) - (first.requests or 0)
    if requests < LEAST_REQUESTS:
        return None
    return (last.memory_bytes - first.memory_bytes) / requests


def _until(window: Sequence[Sample]) -> float | str | None:
    """Return the seconds to the memory limit at the rate of the window."""
    if not window:
        return "measuring"
    first, last = reading_of(window[0]), reading_of(window[-1])
    if not last.limit_bytes:
        return None
    seconds = window[-1].elapsed_s - window[0].elapsed_s
    if seconds < LEAST_S:
        return "measuring"
    rate = (last.resident_bytes - first.resident_bytes) / seconds
    left = last.limit_bytes - last.resident_bytes
    return left / rate if rate > 0 and left < rate * HOUR_S else "over 1 hour"


def _largest(reading: Reading) -> list[tuple[str, int]]:
    """Return the exception objects that retain most entries."""
    ordered = sorted(reading.entries_by_error.items(), key=lambda item: -item[1])
    return [(name, int(entries)) for name, entries in ordered[:SHOWN_ERRORS] if entries]
