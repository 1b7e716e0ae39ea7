"""The figures of a window: the cost of a request in each arm with its interval, and how the arms compare.

The intervals come from a bootstrap over the slices of a window, with their requests as they are: neighbours in a slice
share what disturbed them. The slices of both arms are in pairs, so a ratio draws both of a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest import ARMS
from loadtest.bench.rounds import PartResult
from loadtest.cost.curve import ArmWindow
from loadtest.cost.windows import Window
from loadtest.measure.estimate import Estimate, Interval, draws, interval, rounded

Slices = Sequence[PartResult]
Statistic = Callable[[Slices], float]


def mean_cpu_us(slices: Slices) -> float:
    """Return the mean CPU time of a request, the long collections among them."""
    return sum(one.cpu_s for one in slices) / sum(one.requests for one in slices) * 1e6


def typical_cpu_us(slices: Slices) -> float:
    """Return the CPU time of a request in the median slice, which no long collection falls into."""
    return float(np.median([one.cpu_per_request_us for one in slices]))


def p50_ms(slices: Slices) -> float:
    """Return the median response time."""
    return float(np.median(np.concatenate([one.response_ms for one in slices])))


def p99_ms(slices: Slices) -> float:
    """Return the 99th percentile of the response times."""
    return float(np.quantile(np.concatenate([one.response_ms for one in slices]), 0.99))


STATISTICS: Mapping[str, Statistic] = {
    "cpu_us_per_request": mean_cpu_us,
    "cpu_us_between_collections": typical_cpu_us,
    "p50_ms": p50_ms,
    "p99_ms": p99_ms,
}


@dataclass(frozen=True)
class CostRow:
    """What one arm did around a checkpoint.

    `estimates` has a figure for each of `STATISTICS`. `longest_ms` is the maximum latency and `longest_pause_ms` the
    longest collection in the window, 0 without one; `paused` is the share of the arm's time that it was paused in GC.
    """

    requests_served: int
    arm: str
    window: tuple[int, int]
    slices: int
    estimates: Mapping[str, Estimate]
    longest_ms: float
    long_collections: int
    longest_pause_ms: float
    paused: float

    def as_json(self) -> dict[str, object]:
        """Return the row as it is written to the file."""
        page = asdict(self)
        for name, estimate in page.pop("estimates").items():
            page |= {name: rounded(estimate["value"]), f"{name}_ci95": rounded(estimate["ci95"])}
        return page


@dataclass(frozen=True)
class Ratio:
    """One figure of the reused arm to that of the factory arm, at a checkpoint."""

    requests_served: int
    figure: str
    ratio: float
    ci95: Interval

    @property
    def verdict(self) -> str:
        """What the interval shows: `more`, `less`, or `inconclusive` where it holds 1."""
        low, high = self.ci95
        return "more" if low > 1 else "less" if high < 1 else "inconclusive"

    def as_json(self) -> dict[str, object]:
        """Return the ratio as it is written to the file."""
        return {**rounded(asdict(self)), "verdict": self.verdict}


def summarise(window: Window, measured: Mapping[str, ArmWindow]) -> tuple[list[CostRow], list[Ratio]]:
    """Return a row for each arm and a ratio for each of `STATISTICS`."""
    reused, factory = (measured[arm].slices for arm in ARMS)
    resamples = draws(len(reused))
    drawn = {
        arm: {name: _redrawn(one.slices, statistic, resamples) for name, statistic in STATISTICS.items()}
        for arm, one in measured.items()
    }
    ratios = [
        Ratio(
            window.checkpoint,
            name,
            statistic(reused) / statistic(factory),
            interval(drawn["reused"][name] / drawn["factory"][name]),
        )
        for name, statistic in STATISTICS.items()
    ]
    return [_row(window, arm, one, drawn[arm]) for arm, one in measured.items()], ratios


def _row(window: Window, arm: str, measured: ArmWindow, drawn: Mapping[str, NDArray[np.float64]]) -> CostRow:
    slices, pauses_s = measured.slices, measured.pauses_s
    return CostRow(
        requests_served=window.checkpoint,
        arm=arm,
        window=(window.first, window.last),
        slices=len(slices),
        estimates={name: Estimate(of(slices), interval(drawn[name])) for name, of in STATISTICS.items()},
        longest_ms=round(max(max(one.response_ms) for one in slices), 3),
        long_collections=len(pauses_s),
        longest_pause_ms=round(max(pauses_s, default=0.0) * 1e3, 1),
        paused=round(sum(pauses_s) / sum(one.wall_s for one in slices), 4),
    )


def _redrawn(slices: Slices, statistic: Statistic, resamples: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.array([statistic([slices[index] for index in draw]) for draw in resamples])
