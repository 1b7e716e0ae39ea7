"""Measure what the instruments cost, as ratios from interleaved runs.

python -m loadtest.bench --quick
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from loadtest.arms import DidNotStart
from loadtest.bench import overhead, plugin, retained
from loadtest.bench.plan import FULL, QUICK, Bench, Measurement
from loadtest.bench.rounds import RoundFailed
from loadtest.bench.rows import Row
from loadtest.demo import interrupt_once
from loadtest.page import Book
from loadtest.progress import progress
from sadpath.plugins.prometheus import environment

MEASUREMENTS: tuple[Measurement, ...] = (
    overhead.measurement("reused", overhead.REUSED_ROWS),
    overhead.measurement("factory", overhead.FACTORY_ROWS),
    *retained.MEASUREMENTS,
    plugin.MEASUREMENT,
)
NAMES = [name for measurement in MEASUREMENTS for name in measurement.rows]
INTERRUPTED = 128 + signal.SIGINT


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="fewer rounds: a look, in a minute and a half")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"measure this row alone: {', '.join(NAMES)}")] = None,
    report: Annotated[Path, typer.Option(help="the file that the rows go to")] = Path("reports/bench.json"),
) -> None:
    """Measure what the instruments cost. Takes about eight minutes on two cores; leave the machine alone meanwhile.

    Each row is a ratio: with the instrument to without it, the median over pairs of rounds that took turns, with the
    95 % interval of that median by bootstrap. The overhead rows compare the server's processor time for each request,
    so they say what the instrument costs and not how busy the machine was. `noise` holds the bare app against itself:
    what differs from 1 there is chance. A row whose measurement failed has no ratio, and a reason.

    The file is written after each row. Exit status: 0 it was measured, whether or not the goals hold · 2 the command is
    wrong · 130 it was interrupted; what was measured until then is in the file.
    """
    wanted = frozenset(only or NAMES)
    if strange := wanted - set(NAMES):
        raise typer.BadParameter(f"there is no row {', '.join(sorted(strange))}; there are {', '.join(NAMES)}")
    console = Console()
    book: Book[Row] = Book(report, describe_machine())
    try:
        with interrupt_once(), tempfile.TemporaryDirectory(prefix="sadpath-bench-") as folder:
            run(Bench(QUICK if quick else FULL, Path(folder), wanted, progress(console)), book)
    except KeyboardInterrupt:
        console.print("Stopped; what was measured is below.")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        console.print(table(list(book.rows.values())))
        console.print(f"The figures: {report}")


def run(bench: Bench, book: Book[Row], measurements: Sequence[Measurement] = MEASUREMENTS) -> None:
    """Measure all wanted rows. A measurement that fails leaves its rows without a ratio, and the next one goes on."""
    for measurement in measurements:
        ours = [name for name in measurement.rows if name in bench.wanted]
        if not ours:
            continue
        try:
            for row in measurement.measure(bench):
                book.put(row)
        except (DidNotStart, RoundFailed, OSError, ValueError) as reason:
            for name in ours:
                if name not in book.rows:
                    of, goal = measurement.rows[name]
                    book.put(Row(name, of, None, goal=goal, reason=str(reason)))


def describe_machine() -> dict[str, object]:
    """Return the versions and the machine that the figures depend on."""
    return {**environment(), "locust": version("locust"), "cpus": os.cpu_count()}


def table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table."""
    reasons = [f"{row.name}: {row.reason}" for row in rows if row.reason]
    view = Table(caption="\n".join(reasons), caption_justify="left", caption_style="")
    for heading in ("row", "ratio", "95 %", "goal", "holds", "rounds"):
        view.add_column(heading, justify="left" if heading == "row" else "right", no_wrap=True)
    for row in rows:
        ratio = "–" if row.ratio is None else f"{row.ratio:.3f}"
        ci95 = "–" if row.ci95 is None else f"{row.ci95[0]:.3f} to {row.ci95[1]:.3f}"
        holds = {True: "[green]yes[/]", False: "[bold red]no[/]", None: "–"}[row.holds]
        view.add_row(row.name, ratio, ci95, str(row.goal or "–"), holds, str(row.rounds))
    return view


if __name__ == "__main__":
    typer.run(main)
