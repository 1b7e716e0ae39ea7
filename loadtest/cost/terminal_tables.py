"""What the terminal shows of the curve, in eighty columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from loadtest import ARMS
from loadtest.cost.picture import duration
from loadtest.cost.statistics import STATISTICS, CostRow, Ratio
from loadtest.measure.estimate import Estimate
from loadtest.measure.terminal_table import terminal_table
from loadtest.outcome import STYLES

FIGURES = "95% CI in brackets; paused: share of time paused in GC"
RATIOS = "reused / factory; CPU: CPU time; between: that between long collections"
TEN = 10


def line(row: CostRow) -> str:
    """Return a row in a few words, for the progress."""
    return f"{row.arm} {_estimate(row.estimates['cpu_us_per_request'])} µs, maximum latency {duration(row.longest_ms)}"


def table(rows: Sequence[CostRow]) -> Table:
    """Return the rows as a table."""
    headings = ("served", "arm", "µs/request", "p50", "p99/ms", "max", "paused")
    return terminal_table(headings, map(_cells, rows), FIGURES)


def _cells(row: CostRow) -> tuple[str | Text, ...]:
    return (
        f"{row.requests_served:,}",
        Text(row.arm, STYLES[ARMS.index(row.arm)]),
        _estimate(row.estimates["cpu_us_per_request"]),
        _short(row.estimates["p50_ms"].value),
        _estimate(row.estimates["p99_ms"]),
        duration(row.longest_ms),
        f"{row.paused:.0%}",
    )


def ratio_table(ratios: Sequence[Ratio]) -> Table:
    """Return the ratios as a table, a line for each checkpoint; inconclusive where the interval holds 1."""
    by_place = {(one.requests_served, one.figure): one for one in ratios}
    rows = [
        (f"{served:,}", *(_ratio(by_place[served, figure]) for figure in STATISTICS))
        for served in dict.fromkeys(one.requests_served for one in ratios)
    ]
    return terminal_table(("served", "CPU", "between", "p50", "p99"), rows, RATIOS)


def _ratio(one: Ratio) -> str:
    if one.verdict == "inconclusive":
        return "[bold yellow]inconclusive[/]"
    return _estimate(Estimate(one.ratio, one.ci95))


def _estimate(one: Estimate) -> str:
    low, high = one.ci95
    return f"{_short(one.value)} ({_short(low)}–{_short(high)})"


def _short(figure: float) -> str:
    return f"{figure:.1f}" if figure < TEN else f"{figure:,.0f}"
