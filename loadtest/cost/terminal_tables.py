"""What the terminal shows of the curve, in eighty columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from loadtest import ARMS
from loadtest.cost.picture import duration
from loadtest.cost.statistics import STATISTICS, CostRow, Ratio
from loadtest.demo.terminal import STYLES

FIGURES = "95% CI in brackets; paused: share of time paused in GC"
RATIOS = "reused / factory; between: CPU time between long collections"
TEN = 10


def line(row: CostRow) -> str:
    """Return a row in a few words, for the progress."""
    return f"{row.arm} {_estimate(row, 'cpu_us_per_request')} µs, maximum latency {duration(row.longest_ms)}"


def table(rows: Sequence[CostRow]) -> Table:
    """Return the rows as a table."""
    view = _table(FIGURES, "served", "arm", "µs/request", "p50", "p99 (ms)", "max", "paused")
    for row in rows:
        view.add_row(
            f"{row.requests_served:,}",
            Text(row.arm, STYLES[ARMS.index(row.arm)]),
            _estimate(row, "cpu_us_per_request"),
            _short(row.estimates["p50_ms"].value),
            _estimate(row, "p99_ms"),
            duration(row.longest_ms),
            f"{row.paused:.0%}",
        )
    return view


def ratio_table(ratios: Sequence[Ratio]) -> Table:
    """Return the ratios as a table, a line for each checkpoint; inconclusive where the interval holds 1."""
    view = _table(RATIOS, "served", "CPU time", "between", "p50", "p99")
    by_place = {(one.requests_served, one.figure): one for one in ratios}
    for served in dict.fromkeys(one.requests_served for one in ratios):
        view.add_row(f"{served:,}", *(_ratio(by_place[served, figure]) for figure in STATISTICS))
    return view


def _table(caption: str, *headings: str) -> Table:
    view = Table(caption=caption, caption_justify="left", caption_style="")
    for heading in headings:
        view.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=True)
    return view


def _ratio(one: Ratio) -> str:
    if one.verdict == "inconclusive":
        return "[bold yellow]inconclusive[/]"
    low, high = one.ci95
    return f"{_short(one.ratio)} ({_short(low)}–{_short(high)})"


def _estimate(row: CostRow, name: str) -> str:
    one = row.estimates[name]
    low, high = one.ci95
    return f"{_short(one.value)} ({_short(low)}–{_short(high)})"


def _short(figure: float) -> str:
    return f"{figure:.1f}" if figure < TEN else f"{figure:,.0f}"
