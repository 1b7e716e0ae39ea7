"""What a comparison is: an estimate with its interval by bootstrap, a ratio of paired rounds, and the goal it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from experiments.measurement import Say

RESAMPLES = 1000
SEED = 1
"""Fixed, so that two evaluations of one run do not differ."""

HOURS = 8
"""Of samples, in the rows about a long run."""

ENTRIES = 1_000_000
"""Traceback entries that the rows about many retained entries use."""

Interval = tuple[float, float]


def draws(count: int, resamples: int = RESAMPLES) -> NDArray[np.intp]:
    """Return which of `count` measurements each resample has: the same ones each time, so that pairs stay pairs."""
    return np.random.default_rng(SEED).integers(count, size=(resamples, count))


def interval(drawn: NDArray[np.float64]) -> Interval:
    """Return the 95% CI of a figure that was computed for each resample."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def interval_of_median(values: Sequence[float], resamples: int = 5 * RESAMPLES) -> Interval | None:
    """Return the 95% CI of the median; None with fewer than two values, which show no spread."""
    if len(values) < 2:  # noqa: PLR2004
        return None
    return interval(np.median(np.asarray(values)[draws(len(values), resamples)], axis=1))


@dataclass(frozen=True)
class Goal:
    """What a ratio compares, and its bound: at most so much, or at least; none where it is only to be known."""

    of: str
    bound: float | None = None
    at_least: bool = False

    def is_met(self, ratio: float | None) -> bool | None:
        """Whether `ratio` is within the bound; None where one of them is unknown."""
        if self.bound is None or ratio is None:
            return None
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return "" if self.bound is None else f"{'≥' if self.at_least else '≤'} {self.bound:.2f}"


_EVERYTHING = "everything on, scraped every second, against the bare app"
_CENSUS = "the census and the pauses in GC, scraped every second, against the bare app"

GOALS: Mapping[str, Goal] = {
    "exporter": Goal(f"{_EVERYTHING}: reused error", 1.10),
    "census": Goal(f"{_CENSUS}: reused error", 1.05),
    "exporter (factory)": Goal(f"{_EVERYTHING}: fresh error", 1.10),
    "census (factory)": Goal(f"{_CENSUS}: fresh error", 1.02),
    "probe": Goal("the bare app with the probe of sadpath check in it: fresh error", 1.02),
    "memray": Goal("the bare app under memray against the bare app"),
    "tracemalloc": Goal("the bare app under tracemalloc, one frame, against the bare app"),
    "noise": Goal("a second bare app against the bare app: what a ratio here is worth"),
    "scrape": Goal("a scrape with a million entries retained against one with none", 1.5),
    "full census": Goal("a full census of a service's heap with a million entries against a full collection", 0.5),
    "naming": Goal("naming the object that retains them against a full collection", 0.1),
    "full census (plain stack)": Goal("the same of a heap that has nothing but a million entries"),
    "large service": Goal(
        "error paths that sadpath check decides in a minute, of 200 beside a million objects", 1.0, at_least=True
    ),
    "locust plugin": Goal(
        "requests a second of Locust with our plugin watching against Locust without it", 0.95, at_least=True
    ),
    "live page": Goal(f"CPU of a poll of the live page after {HOURS} hours, against 5 ms", 1.0),
    "report": Goal(f"CPU of the report after {HOURS} hours, against 3 s", 1.0),
}
"""Each row of `make bench`, by its name."""


@dataclass(frozen=True)
class BenchRow:
    """One ratio of the benchmark.

    `ci95` is the 95% CI of `ratio`, None with fewer than two rounds. Where the ratio could not be measured, it
    is None and `reason` is why, in one line. `figures` has what it was made from, with units in the names.
    """

    name: str
    ratio: float | None = None
    ci95: Interval | None = None
    rounds: int = 0
    reason: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)

    @property
    def goal(self) -> Goal:
        """What it compares, and its bound."""
        return GOALS[self.name]

    @property
    def holds(self) -> bool | None:
        """Whether the ratio meets its goal; None without a goal or without a ratio."""
        return self.goal.is_met(self.ratio)

    def as_json(self) -> dict[str, object]:
        """Return the row as it is written to the file."""
        goal = self.goal
        found = {"of": goal.of, "goal": goal.bound, "goal_is": str(goal) or None, "holds": self.holds}
        return {**asdict(self), **found}


def compare(name: str, with_it: Sequence[float], without: Sequence[float], **figures: object) -> BenchRow:
    """Make a row of paired rounds: the median of the ratios of each pair, its interval by bootstrap over the rounds.

    A median shrugs off the round that a neighbour on the machine disturbed. Raises `ValueError` if the rounds are not
    in pairs or missing.
    """
    ratios = [mine / other for mine, other in zip(with_it, without, strict=True)]
    if not ratios:
        raise ValueError(f"{name}: no rounds to compare")
    return BenchRow(name, median(ratios), interval_of_median(ratios), len(ratios), figures=figures)


@dataclass(frozen=True)
class Effort:
    """The number of rounds of each measurement. Requests are those of one round; seconds those of one run of Locust.

    The servers are started anew for each generation, because where a process happens to lie in memory changes its speed
    by some percent, and that is no property of what is measured.
    """

    generations: int
    rounds: int
    requests: int
    scrapes: int
    censuses: int
    locust_runs: int
    locust_seconds: int
    checks: int


FULL = Effort(generations=6, rounds=2, requests=3000, scrapes=40, censuses=5, locust_runs=5, locust_seconds=5, checks=3)
QUICK = Effort(
    generations=1, rounds=2, requests=1200, scrapes=15, censuses=2, locust_runs=1, locust_seconds=3, checks=1
)


@dataclass(frozen=True)
class Bench:
    """What a measurement is given: how much to do, a folder that is removed afterwards, where to report progress.

    `wanted` names the rows to measure; a measurement leaves out what only others need.
    """

    effort: Effort
    folder: Path
    wanted: frozenset[str]
    say: Say


@dataclass(frozen=True)
class BenchMeasurement:
    """Something that is measured in one go, and the rows that come of it."""

    rows: Sequence[str]
    measure: Callable[[Bench], Iterator[BenchRow]]
