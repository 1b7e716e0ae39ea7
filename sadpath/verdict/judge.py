"""Decide from samples whether a service keeps memory for each request. Pure functions: no clock, no input or output.

The slope of memory against requests is Theil and Sen's median of pairwise slopes, which a few outliers do not move. Its
interval comes from a circular block bootstrap of the residuals (Politis and Romano 1992), because samples of memory are
autocorrelated, and a test that takes them as independent convicts noise. Both are taken within each lifetime of the
process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Outcome = Literal["leaks", "flat", "inconclusive"]
Floats = NDArray[np.float64]

FLAT_BELOW = 256.0
"""Bytes per request under which growth is not called a leak. The smallest leak of a reused exception is about 460."""

PROOF_ENTRIES_PER_REQUEST = 0.05
"""Growth of a traceback that is taken for proof. Below it memory has to decide."""

MIN_SAMPLES = 8
MIN_REQUESTS = 300
MAX_POINTS = 80
"""Points that a lifetime is thinned to before its pairwise slopes are taken."""

WIDENED = 2.0
"""By how much the bootstrap's interval is widened. Blocks of a short series vary less than the noise they stand for;
with this, and more where the noise drifts, the interval held the true slope in 95 to 97 of 100 series of 30 samples, of
white noise and of noise with a correlation of 0.7 and 0.9 from sample to sample."""

RESAMPLES = 600
"""Bootstrap samples behind an interval."""


@dataclass(frozen=True)
class Lifetime:
    """The samples of one process lifetime, in order: requests served since its start, memory in bytes, and, where a
    census was taken, the traceback entries retained and the objects that the garbage collector freed.
    """

    requests: Sequence[float]
    memory_bytes: Sequence[float]
    traceback_entries: Sequence[float] = ()
    collected_objects: Sequence[float] = ()


@dataclass(frozen=True)
class Verdict:
    """What was decided, with its evidence.

    `bytes_per_request` is the slope of memory and `ci95` its 95% confidence interval; `traceback_entries_per_request`
    is the growth of the traceback of the followed exceptions. `flat` means that growth of `FLAT_BELOW` bytes per
    request or more is ruled out, not that there is none. `inconclusive` means that these samples do not decide.
    """

    outcome: Outcome
    reason: str
    samples: int = 0
    requests: int = 0
    restarts: int = 0
    bytes_per_request: float = math.nan
    ci95: tuple[float, float] = (math.nan, math.nan)
    traceback_entries_per_request: float | None = None
    cyclic_objects_per_request: float | None = None

    @property
    def figures(self) -> str:
        """The slope and its interval in words, or that there are none."""
        if math.isnan(self.bytes_per_request):
            return "too little was measured for a figure"
        low, high = self.ci95
        return f"{self.bytes_per_request:,.0f} bytes kept per request (95% interval {low:,.0f} to {high:,.0f})"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, with all its evidence."""
        restarts = f", {self.restarts} restart{'s' * (self.restarts != 1)}" if self.restarts else ""
        basis = f"{self.samples} samples, {self.requests:,} requests{restarts}"
        return f"{self.outcome}: {self.figures}; {self.reason} ({basis})"


def judge(lifetimes: Sequence[Lifetime], *, flat_below: float = FLAT_BELOW, seed: int = 0) -> Verdict:
    """Judge one service by the samples of the lifetimes of its process.

    A traceback that grows with the requests is proof of a leak, and memory says what it costs. Without one, memory
    decides: a leak where the whole interval lies above `flat_below` bytes per request, flat where it lies below. `seed`
    makes the bootstrap repeatable. Never raises for samples of any kind; too few, or samples that are not numbers, are
    inconclusive.
    """
    restarts = max(len(lifetimes) - 1, 0)
    usable = [
        lifetime
        for lifetime in map(_finite, lifetimes)
        if len(set(lifetime.requests)) >= MIN_SAMPLES // 2 and _span(lifetime) > 0
    ]
    samples = sum(len(lifetime.requests) for lifetime in usable)
    requests = int(sum(map(_span, usable)))
    if samples < MIN_SAMPLES or requests < MIN_REQUESTS:
        return Verdict("inconclusive", "too few samples or requests to decide", samples, requests, restarts)
    slope, low, high = _slope(usable, np.random.default_rng(seed))
    entries = _per_request(usable, [lifetime.traceback_entries for lifetime in usable])
    climbs = any(map(_climbs, usable))
    sustained = _is_sustained(usable, slope, flat_below)
    outcome, reason = _decide(low, high, entries if climbs else None, flat_below, sustained=sustained)
    return Verdict(
        outcome,
        reason,
        samples,
        requests,
        restarts,
        slope,
        (low, high),
        entries,
        _per_request(usable, [lifetime.collected_objects for lifetime in usable]),
    )


def _decide(
    low: float, high: float, entries: float | None, flat_below: float, *, sustained: bool
) -> tuple[Outcome, str]:
    if entries is not None and entries >= PROOF_ENTRIES_PER_REQUEST:
        return "leaks", f"tracebacks grow by {entries:.1f} entries per request"
    if high < flat_below:
        return "flat", f"growth of {flat_below:,.0f} bytes per request is ruled out"
    if low <= flat_below:
        return "inconclusive", f"the interval does not tell growth of {flat_below:,.0f} bytes per request from none"
    if not sustained:
        return "inconclusive", "it grew, but not all the time: a step is no slope"
    return "leaks", f"the whole interval lies above {flat_below:,.0f} bytes per request"


def _climbs(lifetime: Lifetime) -> bool:
    """Whether a traceback grew on: one that is seen within a request and then gone rises and falls in turn."""
    steps = np.diff(lifetime.traceback_entries)
    return bool((steps > 0).sum() > 2 * (steps < 0).sum())


def _is_sustained(lifetimes: Sequence[Lifetime], slope: float, flat_below: float) -> bool:
    """Whether memory grew in each part of the run, by a quarter of the slope at least: one step would not.

    The parts are the thirds of the longest lifetime or, where that is too short for thirds, the lifetimes.
    """
    requests, memory = _thinned(max(lifetimes, key=_span))
    parts = list(zip(np.array_split(requests, 3), np.array_split(memory, 3), strict=True))
    if len(requests) < 2 * len(parts):
        parts = [_thinned(lifetime) for lifetime in lifetimes]
    floor = max(flat_below, slope / 4)
    return len(parts) > 1 and all(_theil_sen(x, y) > floor for x, y in parts)


def _slope(lifetimes: Sequence[Lifetime], rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the slope in bytes per request, and the bounds of its interval; lifetimes weigh by their requests."""
    weights = [_span(lifetime) for lifetime in lifetimes]
    slopes = [_resampled_slopes(lifetime, rng) for lifetime in lifetimes]
    combined = np.average(np.stack(slopes), axis=0, weights=weights)
    low, high = np.percentile(combined[1:], [2.5, 97.5])
    return float(combined[0]), float(low), float(high)


def _resampled_slopes(lifetime: Lifetime, rng: np.random.Generator) -> Floats:
    """Return the slope of one lifetime, and after it those of `RESAMPLES` series with its residuals drawn in blocks."""
    requests, memory = _thinned(lifetime)
    slope = _theil_sen(requests, memory)
    line = np.median(memory - slope * requests) + slope * requests
    residuals = memory - line
    count = len(memory)
    block = math.ceil(math.sqrt(count))
    starts = rng.integers(0, count, size=(RESAMPLES, math.ceil(count / block)))
    picks = (starts[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :count] % count
    again = _theil_sen(requests, line + residuals[picks])
    widened = slope + WIDENED / (1 - _persistence(residuals)) * (again - slope)
    return np.concatenate([[slope], widened])


def _persistence(residuals: Floats) -> float:
    """Return the correlation of neighbours, not below 0: what a short series hides of a drifting noise."""
    residuals = residuals - residuals.mean()
    energy = float(residuals @ residuals)
    return max(0.0, float(residuals[1:] @ residuals[:-1]) / energy) if energy else 0.0


def _theil_sen(requests: Floats, memory: Floats) -> Floats:
    """Return the median of all pairwise slopes of each row of `memory`; no two `requests` are equal."""
    i, j = np.triu_indices(len(requests), 1)
    return np.asarray(np.median((memory[..., j] - memory[..., i]) / (requests[j] - requests[i]), axis=-1))


def _thinned(lifetime: Lifetime) -> tuple[Floats, Floats]:
    """Return requests and memory, as medians: of the samples that a pause in the load left at the same request, and of
    neighbours where there are more than `MAX_POINTS`.
    """
    requests, first = np.unique(lifetime.requests, return_index=True)
    memory = np.array([np.median(part) for part in np.split(np.asarray(lifetime.memory_bytes), first[1:])])
    bins = min(len(requests), MAX_POINTS)
    return _medians(requests, bins), _medians(memory, bins)


def _medians(series: Floats, bins: int) -> Floats:
    return np.array([np.median(part) for part in np.array_split(series, bins)])


def _per_request(lifetimes: Sequence[Lifetime], series: Sequence[Sequence[float]]) -> float | None:
    """Return by how much a series grew for each request, its falls left out; None where it was not sampled."""
    if not all(series):
        return None
    grown = sum(np.diff(values).clip(min=0).sum() for values in series)
    return float(grown / sum(map(_span, lifetimes)))


def _span(lifetime: Lifetime) -> float:
    return lifetime.requests[-1] - lifetime.requests[0] if lifetime.requests else 0.0


def _finite(lifetime: Lifetime) -> Lifetime:
    """Drop the samples of a lifetime that are not numbers."""
    series = [column for column in (lifetime.traceback_entries, lifetime.collected_objects) if column]
    table = np.array([lifetime.requests, lifetime.memory_bytes, *series], dtype=float)
    table = table[:, np.isfinite(table).all(axis=0)]
    columns = iter(table.tolist())
    return Lifetime(
        next(columns),
        next(columns),
        next(columns) if lifetime.traceback_entries else (),
        next(columns) if lifetime.collected_objects else (),
    )
