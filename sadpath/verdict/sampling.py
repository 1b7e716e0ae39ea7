"""Sample each watched service every second while a load runs, and judge what was sampled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sadpath.sources import Reading, Source, Unreadable
from sadpath.verdict.judge import Lifetime, Verdict, judge
from sadpath.verdict.samples import Latency, Phase, Sample, SampleFile, by_arm, lifetimes

WARM_UP_REQUESTS = 200
"""Requests at the start of each lifetime that are not judged, or a quarter of them if the lifetime is short: caches
fill and the heap finds its size."""

LatencyOf = Callable[[str], Latency]


class Sampler:
    """Samples of one run: in memory, and in the file at `path` as they come.

    `latency_of` tells an arm's response times since it was last asked, and `warm_up_s` for how long from the first
    sample the load only warms the arms up.
    """

    def __init__(self, sources: Mapping[str, Source], path: Path, warm_up_s: float, latency_of: LatencyOf) -> None:
        self.samples: list[Sample] = []
        self._sources = sources
        self._file = SampleFile(path)
        self._warm_up_s = warm_up_s
        self._latency_of = latency_of
        self._started = time.monotonic()

    @property
    def arms(self) -> list[str]:
        """The names of the watched services."""
        return list(self._sources)

    @property
    def phase(self) -> Phase:
        """Whether the arms are still being warmed up."""
        return "warm-up" if time.monotonic() - self._started < self._warm_up_s else "measured"

    def start(self) -> None:
        """Begin the run's clock."""
        self._started = time.monotonic()

    def sample(self, arm: str) -> Sample:
        """Take one sample of one arm. A source that has no reading makes a gap that says why."""
        reading, missing = None, ""
        phase = self.phase
        try:
            reading = self._sources[arm].read()
        except Unreadable as reason:
            missing = str(reason)
        elapsed = round(time.monotonic() - self._started, 3)
        sample = Sample(elapsed, arm, phase, reading, self._latency_of(arm), missing)
        self.samples.append(sample)
        self._file.append(sample)
        return sample

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def judge_samples(samples: Sequence[Sample]) -> dict[str, Verdict]:
    """Judge each arm by its samples after the warm-up; two lifetimes of its process are never joined."""
    return {arm: _judge_arm(ours) for arm, ours in by_arm(samples).items()}


def _judge_arm(samples: Sequence[Sample]) -> Verdict:
    measured = [sample for sample in samples if sample.phase == "measured"]
    verdict = judge([_lifetime(_warm(lifetime)) for lifetime in lifetimes(measured)])
    read = [sample.reading for sample in samples if sample.reading]
    if read and all(reading.requests is None for reading in read):
        verdict = replace(verdict, reason="the pages do not count requests (http_requests_total)")
    return replace(verdict, restarts=max(len(list(lifetimes(samples))) - 1, 0))  # also one during the warm-up


def _warm(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out the readings of a lifetime that were taken before it was warm."""
    most = max((reading.requests or 0 for reading in readings), default=0)
    warm_from = min(WARM_UP_REQUESTS, most / 4)
    return [reading for reading in readings if (reading.requests or 0) >= warm_from]


def _lifetime(readings: Sequence[Reading]) -> Lifetime:
    return Lifetime(
        requests=[reading.requests or 0 for reading in readings],
        memory_bytes=[reading.memory_bytes for reading in readings],
        traceback_entries=_column([reading.traceback_entries for reading in readings]),
        collected_objects=_column([reading.collected_objects for reading in readings]),
    )


def _column(values: Sequence[float | None]) -> list[float]:
    """Return a series that was sampled throughout, or an empty one."""
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []
