"""The figures of the benchmark: a ratio with its interval, held against its goal, and the file that they go to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.stats import bootstrap

RESAMPLES = 5000
SEED = 1
"""The bootstrap's own randomness must not make two readings of one run differ."""


@dataclass(frozen=True)
class Goal:
    """The bound that a ratio has to keep: at most `bound`, or at least that much."""

    bound: float
    at_least: bool = False

    def is_met(self, ratio: float) -> bool:
        """Whether `ratio` keeps the bound."""
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:.2f}"


@dataclass(frozen=True)
class Row:
    """One ratio of the benchmark.

    `ci95` is the 95 % interval of `ratio`, None with fewer than two rounds. Where the ratio could not be measured, it
    is None and `reason` says why in one line. `figures` has what it was made from, with units in the names.
    """

    name: str
    of: str
    ratio: float | None
    ci95: tuple[float, float] | None = None
    rounds: int = 0
    goal: Goal | None = None
    reason: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Whether the ratio meets its goal; None without a goal or without a ratio."""
        return None if self.goal is None or self.ratio is None else self.goal.is_met(self.ratio)

    def as_json(self) -> dict[str, object]:
        """Return the row as it is written to the file."""
        goal = self.goal.bound if self.goal else None
        return {**asdict(self), "goal": goal, "goal_is": self.goal and str(self.goal), "holds": self.holds}


def compare(
    name: str, of: str, with_it: Sequence[float], without: Sequence[float], goal: Goal | None = None, **figures: object
) -> Row:
    """Make a row of paired rounds: the median of the ratios of each pair, its interval by bootstrap over the rounds.

    A median shrugs off the round that a neighbour on the machine disturbed. Raises `ValueError` if the rounds are not
    in pairs or there are none.
    """
    ratios = [mine / other for mine, other in zip(with_it, without, strict=True)]
    if not ratios:
        raise ValueError(f"{name}: no rounds to compare")
    return Row(name, of, float(np.median(ratios)), interval(ratios), len(ratios), goal, figures=figures)


def interval(ratios: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the median of `ratios`; None with fewer than two, which tell nothing of spread."""
    if len(ratios) < 2:  # noqa: PLR2004
        return None
    found = bootstrap((ratios,), np.median, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(SEED))
    low, high = found.confidence_interval
    return float(low), float(high)
