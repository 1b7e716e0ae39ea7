"""From the readings of one process to its figures. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadtest.measure.estimate import rounded
from sadpath.verdict.samples import Series, judge_samples


@dataclass(frozen=True)
class RoundReading:
    """What `POST /lab/settle` returned after a round, and what the round itself was like.

    `requests` counts those to the variant since the process began. `bytes_in_use` is None where the allocators of the
    process do not report it; then `anonymous_bytes` is used. `log_bytes` is the length of the last answer's log
    record, None where an answer has none, and `median_ms` the median duration of the round's requests.
    """

    requests: int
    bytes_in_use: int | None
    anonymous_bytes: int
    traceback_entries: int
    collected_objects: int
    log_bytes: int | None
    median_ms: float


@dataclass(frozen=True)
class Measured:
    """What one request through a variant leaves behind, as measured.

    `ci95` is the 95% CI of the bytes; `bytes_are_exact` is whether these were bytes in use, and not pages of
    memory. `cyclic_range` and `log_range` are the lowest and the highest figure of a round. `entries_left` are the
    traceback entries that were alive at the end, less those before the first request.
    """

    requests: int
    traceback_entries_per_request: float
    bytes_per_request: float
    ci95: tuple[float, float]
    bytes_are_exact: bool
    cyclic_objects_per_request: float
    cyclic_range: tuple[float, float]
    log_bytes_added_per_request: float
    log_range: tuple[float, float]
    entries_left: int
    median_ms_first_round: float
    median_ms_last_round: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures as they are written to the file, rounded to the digits that are known."""
        return dict(rounded(asdict(self)))


def measured(entries_before: int, readings: Sequence[RoundReading]) -> Measured:
    """Make the figures of the readings between rounds, the first of them after the warm-up.

    Memory alone goes to the verdict, which gives its slope and its interval; what is counted needs no statistics.
    Raises `ValueError` with too few readings or requests for an interval.
    """
    requests = [reading.requests for reading in readings]
    in_use = [reading.bytes_in_use for reading in readings if reading.bytes_in_use is not None]
    bytes_are_exact = len(in_use) == len(readings)
    verdict = judge_samples(
        [Series(requests, in_use if bytes_are_exact else [reading.anonymous_bytes for reading in readings])]
    )
    if math.isnan(verdict.bytes_per_request):
        raise ValueError(verdict.reason)
    entries = [reading.traceback_entries for reading in readings]
    collected = [reading.collected_objects for reading in readings]
    log = [reading.log_bytes or 0 for reading in readings]
    return Measured(
        requests=requests[-1],
        traceback_entries_per_request=_growth(requests, entries),
        bytes_per_request=verdict.bytes_per_request,
        ci95=verdict.ci95,
        bytes_are_exact=bytes_are_exact,
        cyclic_objects_per_request=_growth(requests, collected),
        cyclic_range=_range_by_round(requests, collected),
        log_bytes_added_per_request=_growth(requests, log),
        log_range=_range_by_round(requests, log),
        entries_left=entries[-1] - entries_before,
        median_ms_first_round=readings[1].median_ms,
        median_ms_last_round=readings[-1].median_ms,
    )


def _growth(requests: Sequence[int], counts: Sequence[int]) -> float:
    """Return by how much an exact count grew for each request."""
    return (counts[-1] - counts[0]) / (requests[-1] - requests[0])


def _range_by_round(requests: Sequence[int], counts: Sequence[int]) -> tuple[float, float]:
    """Return the growth of a count for each request in the round where it was the lowest, and where the highest."""
    ends = range(1, len(counts))
    rounds = [_growth(requests[end - 1 : end + 1], counts[end - 1 : end + 1]) for end in ends]
    return min(rounds), max(rounds)
