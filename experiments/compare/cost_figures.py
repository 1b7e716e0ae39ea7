"""The figures of a window: the cost of a request in each arm with its interval, how the arms compare; their tables.

The intervals come from a bootstrap over the slices of a window, with their requests as they are: neighbours in a slice
share what disturbed them. The slices of both arms are in pairs, so a ratio draws both of a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from experiments.compare.ratios import Interval, draws, interval
from experiments.compare.turns import PartResult
from experiments.measurement import rounded, terminal_table
from loadtest import ARMS

Slices = Sequence[PartResult]
Statistic = Callable[[Slices], float]


@dataclass(frozen=True)
class ArmWindow:
    """What one arm did in a window: its slices in order, and the seconds of each long collection."""

    slices: Slices
    pauses_s: Sequence[float]


def _response_ms(share: float) -> Statistic:
    """Return what gives this quantile of the response times."""
    return lambda slices: float(np.quantile(np.concatenate([one.response_ms for one in slices]), share))


STATISTICS: Mapping[str, Statistic] = {
    "cpu_us_per_request": lambda slices: sum(one.cpu_s for one in slices) / sum(one.requests for one in slices) * 1e6,
    "cpu_us_between_collections": lambda slices: float(np.median([one.cpu_per_request_us for one in slices])),
    "p50_ms": _response_ms(0.5),
    "p99_ms": _response_ms(0.99),
}
"""The mean CPU time of a request, long collections among them, and that in the median slice, which none falls into;
the median and the 99th percentile of the response times.
"""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% CI."""

    value: float
    ci95: Interval

    def __str__(self) -> str:
        low, high = self.ci95
        return f"{_short(self.value)} ({_short(low)}–{_short(high)})"


@dataclass(frozen=True)
class ArmCost:
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
class CostRatio:
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


@dataclass(frozen=True)
class Checkpoint:
    """What was measured around so many requests served: a row for each arm, and a ratio for each statistic."""

    requests_served: int
    arms: Sequence[ArmCost]
    ratios: Mapping[str, CostRatio]

    @property
    def name(self) -> str:
        """What it is called in the book."""
        return str(self.requests_served)


def summarise(served: int, window: tuple[int, int], measured: Mapping[str, ArmWindow]) -> Checkpoint:
    """Return the figures of one window, from the first request of it to the last."""
    reused, factory = (measured[arm].slices for arm in ARMS)
    resamples = draws(len(reused))
    drawn = {
        arm: {name: _redrawn(one.slices, statistic, resamples) for name, statistic in STATISTICS.items()}
        for arm, one in measured.items()
    }
    ratios = {}
    for name, statistic in STATISTICS.items():
        ci95 = interval(drawn["reused"][name] / drawn["factory"][name])
        ratios[name] = CostRatio(served, name, statistic(reused) / statistic(factory), ci95)
    return Checkpoint(served, [_arm(served, window, arm, one, drawn[arm]) for arm, one in measured.items()], ratios)


def _redrawn(slices: Slices, statistic: Statistic, resamples: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.array([statistic([slices[index] for index in draw]) for draw in resamples])


def _arm(
    served: int, window: tuple[int, int], arm: str, measured: ArmWindow, drawn: Mapping[str, NDArray[np.float64]]
) -> ArmCost:
    slices, pauses_s = measured.slices, measured.pauses_s
    return ArmCost(
        requests_served=served,
        arm=arm,
        window=window,
        slices=len(slices),
        estimates={name: Estimate(of(slices), interval(drawn[name])) for name, of in STATISTICS.items()},
        longest_ms=round(max(max(one.response_ms) for one in slices), 3),
        long_collections=len(pauses_s),
        longest_pause_ms=round(max(pauses_s, default=0.0) * 1e3, 1),
        paused=round(sum(pauses_s) / sum(one.wall_s for one in slices), 4),
    )


def cost_json(found: Sequence[Checkpoint]) -> dict[str, Any]:
    """Return what is written to the file."""
    rows = [row.as_json() for one in found for row in one.arms]
    return {"rows": rows, "ratios": [ratio.as_json() for one in found for ratio in one.ratios.values()]}


STYLES = dict(zip(ARMS, ("bold dark_orange3", "bold dodger_blue2"), strict=True))
"""The colours of the arms, as in the charts."""

FIGURES = "95% CI in brackets; paused: share of time paused in GC"
RATIOS = "reused / factory; CPU: CPU time; between: that between long collections"
TEN = 10


def line(row: ArmCost) -> str:
    """Return a row in a few words, for the progress."""
    return f"{row.arm} {row.estimates['cpu_us_per_request']} µs, maximum latency {duration(row.longest_ms)}"


def table(found: Sequence[Checkpoint]) -> Table:
    """Return the rows as a table, in eighty columns."""
    headings = ("served", "arm", "µs/request", "p50", "p99/ms", "max", "paused")
    return terminal_table(headings, [_cells(row) for one in found for row in one.arms], FIGURES)


def _cells(row: ArmCost) -> tuple[str | Text, ...]:
    return (
        f"{row.requests_served:,}",
        Text(row.arm, STYLES[row.arm]),
        str(row.estimates["cpu_us_per_request"]),
        _short(row.estimates["p50_ms"].value),
        str(row.estimates["p99_ms"]),
        duration(row.longest_ms),
        f"{row.paused:.0%}",
    )


def ratio_table(found: Sequence[Checkpoint]) -> Table:
    """Return the ratios as a table, a line for each checkpoint; inconclusive where the interval holds 1."""
    rows = [(f"{one.requests_served:,}", *map(_ratio, one.ratios.values())) for one in found]
    return terminal_table(("served", "CPU", "between", "p50", "p99"), rows, RATIOS)


def _ratio(one: CostRatio) -> str:
    return "[bold yellow]inconclusive[/]" if one.verdict == "inconclusive" else str(Estimate(one.ratio, one.ci95))


def duration(milliseconds: float) -> str:
    """Return a time in the unit that fits a slide."""
    return f"{milliseconds / 1e3:.1f} s" if milliseconds >= 1e3 else f"{milliseconds:.0f} ms"  # noqa: PLR2004


def _short(figure: float) -> str:
    return f"{figure:.1f}" if figure < TEN else f"{figure:,.0f}"
