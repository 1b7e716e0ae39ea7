"""Decide from samples whether a service retains memory for each request. Pure functions: no clock, no input or output.

Memory is judged by its slope and the confidence interval of that, from `slope.py`, per process lifetime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from sadpath.verdict.slope import Floats, resampled_slopes, theil_sen, thinned
from sadpath.verdict.verdict import (
    FLAT_BELOW_IN_PAGES,
    LEVELS_OFF,
    MIN_OF_A_LEAK,
    MIN_REQUESTS,
    MIN_SAMPLES,
    PARTS,
    PROOF_ENTRIES_PER_REQUEST,
    Outcome,
    Verdict,
)


@dataclass(frozen=True)
class Series:
    """The figures of one process lifetime, in order: requests served since its start, memory in bytes and, where they
    were sampled, traceback entries retained, in total and by error, and objects that the garbage collector freed.
    """

    requests: Sequence[float]
    memory_bytes: Sequence[float]
    traceback_entries: Sequence[float] = ()
    collected_objects: Sequence[float] = ()
    entries_by_error: Mapping[str, Sequence[float]] = field(default_factory=dict)


def judge_samples(lifetimes: Sequence[Series], *, flat_below: float = FLAT_BELOW_IN_PAGES, seed: int = 0) -> Verdict:
    """Judge one service by what was measured in each lifetime of its process.

    A traceback that grows in every third of a lifetime is proof of a leak, and memory is its cost. Without one, memory
    decides. It leaks where the whole confidence interval is above `flat_below` bytes per request, and the growth is
    neither a step nor levels off, over `MIN_OF_A_LEAK` samples at least. It is flat where the interval is
    below. `seed` makes the bootstrap repeatable. Never raises, whatever the samples are; too few are inconclusive, and
    samples that are not numbers are left out.
    """
    sampled = [_finite(series) for series in lifetimes if series.requests]
    usable = [series for series in sampled if _has_a_slope(series)]
    samples = sum(len(series.requests) for series in usable)
    requests = int(sum(map(_span, usable)))
    if missing := shortage(samples, requests):
        verdict = Verdict("inconclusive", f"not enough data: {missing}")
    else:
        verdict = _judge_enough(usable, flat_below, np.random.default_rng(seed))
    restarts = max(len(lifetimes) - 1, 0)
    return replace(verdict, samples=samples, requests=requests, restarts=restarts, flat_below=flat_below)


def _judge_enough(lifetimes: Sequence[Series], flat_below: float, rng: np.random.Generator) -> Verdict:
    """Judge lifetimes with enough samples and requests."""
    slope, low, high = _slope(lifetimes, rng)
    entries = _per_request(lifetimes, [series.traceback_entries for series in lifetimes])
    errors = _growing_errors(lifetimes)
    keeps_growing = _keeps_growing(lifetimes, [series.traceback_entries for series in lifetimes])
    proof = _proof(entries, errors) if keeps_growing else ""
    doubt = _doubt(lifetimes, slope, flat_below)
    outcome, reason = _decide(low, high, flat_below, proof=proof, doubt=doubt)
    return Verdict(
        outcome,
        reason,
        bytes_per_request=slope,
        ci95=(low, high),
        traceback_entries_per_request=entries,
        cyclic_objects_per_request=_per_request(lifetimes, [series.collected_objects for series in lifetimes]),
        errors=errors,
    )


def shortage(samples: int, requests: int) -> str:
    """Return what a verdict lacks, as `6 of 8 samples`; empty where there is enough to decide."""
    parts = {f"{samples} of {MIN_SAMPLES} samples": samples < MIN_SAMPLES}
    parts[f"{requests} of {MIN_REQUESTS} requests"] = requests < MIN_REQUESTS
    return ", ".join(part for part, lacks in parts.items() if lacks)


def _proof(entries: float | None, errors: Mapping[str, float]) -> str:
    """Return in words which tracebacks grow, if they grow enough to be proof; else an empty string."""
    if entries is None or entries < PROOF_ENTRIES_PER_REQUEST:
        return ""
    if not errors:
        return f"tracebacks grow by {entries:.1f} entries per request"
    return ", ".join(f"{error} retains {growth:.1f} entries per request" for error, growth in errors.items())


def _decide(low: float, high: float, flat_below: float, *, proof: str, doubt: str) -> tuple[Outcome, str]:
    if proof:
        return "leaks", proof
    threshold = f"{flat_below:,.0f} bytes per request"
    if high < flat_below:
        return "flat", f"growth of {threshold} is ruled out"
    if low <= flat_below:
        return "inconclusive", f"cannot tell {threshold} from zero with 95% confidence; run longer"
    if doubt:
        return "inconclusive", doubt
    return "leaks", f"the whole 95% CI is above {threshold}"


def _growing_errors(lifetimes: Sequence[Series]) -> dict[str, float]:
    """Return by how many entries per request the traceback of each error grows, the fastest first."""
    names = {error for series in lifetimes for error in series.entries_by_error}
    growth: dict[str, float] = {}
    for name in names:
        series = [one.entries_by_error.get(name) or [0.0] * len(one.requests) for one in lifetimes]
        found = _per_request(lifetimes, series) or 0.0
        if found >= PROOF_ENTRIES_PER_REQUEST and _keeps_growing(lifetimes, series):
            growth[name] = found
    return dict(sorted(growth.items(), key=lambda item: (-item[1], item[0])))


def _keeps_growing(lifetimes: Sequence[Series], entries: Sequence[Sequence[float]]) -> bool:
    """Whether a traceback grew throughout a lifetime; `entries` has one series for each.

    One that is less than half as long as the longest does not count: a buffer may not have filled in it.
    """
    longest = max(map(_span, lifetimes))
    pairs = zip(lifetimes, entries, strict=True)
    return any(_grows_in_thirds(one.requests, series) for one, series in pairs if 2 * _span(one) >= longest)


def _grows_in_thirds(requests: Sequence[float], entries: Sequence[float]) -> bool:
    """Whether a traceback grew in each third of a lifetime, by a quarter of its whole growth per request at least.

    A step does not: entries that are kept once, or a buffer that fills and then stays. Samples at the same request, as
    a pause in the load leaves them, count as one.
    """
    if not entries:
        return False
    served, first = np.unique(requests, return_index=True)
    spans, steps = np.diff(served), np.diff(np.asarray(entries)[first])
    floor = _grown(steps) / spans.sum() / 4
    thirds = zip(np.array_split(spans, PARTS), np.array_split(steps, PARTS), strict=True)
    return all(_climbs(part) and _grown(part) / span.sum() >= floor for span, part in thirds)


def _climbs(steps: Floats) -> bool:
    """Whether most steps lead up: a traceback that is seen within a request and then gone rises and falls in turn."""
    return bool((steps > 0).sum() > 2 * (steps < 0).sum())


def _grown(steps: Floats) -> float:
    """Return the growth of a traceback, its falls left out: a release does not make up for it."""
    return float(steps.clip(min=0).sum())


def _doubt(lifetimes: Sequence[Series], slope: float, flat_below: float) -> str:
    """Return in words why memory that grew may be no leak; empty where it grew as a leak does."""
    samples = sum(len(set(lifetime.requests)) for lifetime in lifetimes)
    if samples < MIN_OF_A_LEAK:
        found = f"{samples} of {MIN_OF_A_LEAK} samples under load"
        return f"memory grows, but {found} are too few to tell a leak from a cache that fills; run longer"
    if _levels_off(lifetimes):
        return "memory grows more slowly towards the end, as a cache does that fills; run longer, a leak keeps its pace"
    if not _is_sustained(lifetimes, slope, flat_below):
        return "memory stepped up once instead of growing with the requests"
    return ""


def _levels_off(lifetimes: Sequence[Series]) -> bool:
    """Whether memory grew clearly less with each request in the second half of the lifetimes than in the first."""
    halves = [_slopes_of_halves(lifetime) for lifetime in lifetimes]
    first, second = np.average(halves, axis=0, weights=[_span(lifetime) for lifetime in lifetimes])
    return bool(second < LEVELS_OFF * first)


def _slopes_of_halves(lifetime: Series) -> list[Floats]:
    requests, memory = _points(lifetime)
    return [theil_sen(x, y) for x, y in zip(np.array_split(requests, 2), np.array_split(memory, 2), strict=True)]


def _is_sustained(lifetimes: Sequence[Series], slope: float, flat_below: float) -> bool:
    """Whether memory grew in each part of the run, by a quarter of the slope at least: one step would not.

    The parts are the thirds of the longest lifetime or, where that is too short for thirds, the lifetimes.
    """
    requests, memory = _points(max(lifetimes, key=_span))
    parts = list(zip(np.array_split(requests, PARTS), np.array_split(memory, PARTS), strict=True))
    if len(requests) < 2 * len(parts):
        parts = [_points(lifetime) for lifetime in lifetimes]
    floor = max(flat_below, slope / 4)
    return len(parts) > 1 and all(theil_sen(x, y) > floor for x, y in parts)


def _slope(lifetimes: Sequence[Series], rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the slope in bytes per request, and the bounds of its interval; lifetimes weigh by their requests."""
    weights = [_span(lifetime) for lifetime in lifetimes]
    slopes = [resampled_slopes(*_points(lifetime), rng) for lifetime in lifetimes]
    combined = np.average(np.stack(slopes), axis=0, weights=weights)
    low, high = np.percentile(combined[1:], [2.5, 97.5])
    return float(combined[0]), float(low), float(high)


def _points(lifetime: Series) -> tuple[Floats, Floats]:
    return thinned(lifetime.requests, lifetime.memory_bytes)


def _per_request(lifetimes: Sequence[Series], series: Sequence[Sequence[float]]) -> float | None:
    """Return by how much a series grew for each request, its falls left out; None where it was not sampled."""
    if not all(series):
        return None
    return sum(_grown(np.diff(values)) for values in series) / sum(map(_span, lifetimes))


def _has_a_slope(series: Series) -> bool:
    return len(set(series.requests)) >= MIN_SAMPLES // 2 and _span(series) > 0


def _span(lifetime: Series) -> float:
    return lifetime.requests[-1] - lifetime.requests[0] if lifetime.requests else 0.0


def _finite(lifetime: Series) -> Series:
    """Drop the samples of a lifetime in which a figure is not a number."""
    errors = lifetime.entries_by_error
    columns = [lifetime.requests, lifetime.memory_bytes, lifetime.traceback_entries, lifetime.collected_objects]
    columns += errors.values()
    finite = np.isfinite(np.array([column for column in columns if column], dtype=float)).all(axis=0)
    requests, memory, entries, collected, *rest = ([*compress(column, finite)] for column in columns)
    return Series(requests, memory, entries, collected, dict(zip(errors, rest, strict=True)))
