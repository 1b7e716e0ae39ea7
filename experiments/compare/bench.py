"""`make bench`: what the instruments cost, as ratios from interleaved runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from experiments.compare import deciding, overhead, retained, watching
from experiments.compare.ratios import FULL, GOALS, QUICK, Bench, BenchMeasurement, BenchRow
from experiments.measurement import Book, describe_machine, progress, run_measurement, terminal_table
from sadpath.errors import CommandError

MEASUREMENTS: tuple[BenchMeasurement, ...] = (
    *overhead.MEASUREMENTS,
    *retained.MEASUREMENTS,
    *deciding.MEASUREMENTS,
    *watching.MEASUREMENTS,
)


def bench(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds, for a look: a minute and a half.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Measure only this row: {', '.join(GOALS)}.")] = None,
    report: Annotated[Path, typer.Option(help="File for the rows.")] = Path("reports/bench.json"),
) -> int:
    """Measure what the instruments cost.

    It takes some minutes on two cores; leave the machine alone meanwhile. Each row is a ratio: with the
    instrument to without it, the median over pairs of rounds that took turns, with the 95% CI of that median by
    bootstrap. The overhead rows compare the server's CPU time for each request, so they show what the instrument costs
    and not how busy the machine was. `noise` compares the bare app with itself: what differs from 1 there is chance. A
    row whose measurement failed has no ratio, and a reason.

    The file is written after each row. Exit status: 0 it was measured, whether or not the goals are met, 2 the command
    is wrong, 130 interrupted; what was measured until then is in the file.
    """
    wanted = frozenset(only or GOALS)
    if strange := wanted - GOALS.keys():
        raise typer.BadParameter(f"unknown row {', '.join(sorted(strange))}; choose from {', '.join(GOALS)}")
    console = Console()
    book = Book(report, describe_machine(), bench_json)
    effort = QUICK if quick else FULL
    status = run_measurement(
        "bench", lambda folder: measure_rows(Bench(effort, folder, wanted, progress(console)), book), console
    )
    console.print(table(book.rows))
    console.print(f"Figures: {report}")
    return status


def measure_rows(bench: Bench, book: Book[BenchRow], measurements: Sequence[BenchMeasurement] = MEASUREMENTS) -> None:
    """Measure all wanted rows. A measurement that fails leaves its rows without a ratio, and the next one goes on."""
    for measurement in measurements:
        ours = [name for name in measurement.rows if name in bench.wanted]
        try:
            for row in measurement.measure(bench) if ours else ():
                book.put(row)
        except (CommandError, OSError, ValueError) as reason:
            book.put(*(BenchRow(name, reason=str(reason)) for name in ours if not book.get(name)))


def bench_json(rows: Sequence[BenchRow]) -> dict[str, object]:
    """Return the rows as they are written to the file."""
    return {"rows": [row.as_json() for row in rows]}


def table(rows: Sequence[BenchRow]) -> Table:
    """Return the rows as a table."""
    reasons = [f"{row.name}: {row.reason}" for row in rows if row.reason]
    headings = ("row", "ratio", "CI", "goal", "met", "rounds")
    return terminal_table(headings, map(_cells, rows), "\n".join(["CI: 95%", *reasons]), names=("row",))


def _cells(row: BenchRow) -> tuple[str, ...]:
    ratio = "–" if row.ratio is None else f"{row.ratio:.3f}"
    ci95 = "–" if row.ci95 is None else f"{row.ci95[0]:.3f} to {row.ci95[1]:.3f}"
    is_met = {True: "[green]yes[/]", False: "[bold red]no[/]", None: "–"}[row.holds]
    return row.name, ratio, ci95, str(row.goal) or "–", is_met, str(row.rounds)
