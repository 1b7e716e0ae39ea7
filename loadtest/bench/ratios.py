"""The figures of the benchmark: a ratio with its interval, compared with its goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from loadtest.measure.estimate import interval_of_median


@dataclass(frozen=True)
class Goal:
    """The bound for a ratio: at most `bound`, or at least that much."""

    bound: float
    at_least: bool = False

    def is_met(self, ratio: float) -> bool:
        """Whether `ratio` is within the bound."""
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:.2f}"


@dataclass(frozen=True)
class BenchRow:
    """One ratio of the benchmark.

    `ci95` is the 95% CI of `ratio`, None with fewer than two rounds. Where the ratio could not be measured, it
    is None and `reason` is why, in one line. `figures` has what it was made from, with units in the names.
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
) -> BenchRow:
    """Make a row of paired rounds: the median of the ratios of each pair, its interval by bootstrap over the rounds.

    A median shrugs off the round that a neighbour on the machine disturbed. Raises `ValueError` if the rounds are not
    in pairs or missing.
    """
    ratios = [mine / other for mine, other in zip(with_it, without, strict=True)]
    if not ratios:
        raise ValueError(f"{name}: no rounds to compare")
    return BenchRow(name, of, median(ratios), interval_of_median(ratios), len(ratios), goal, figures=figures)
