"""`make trial`: try faults and attacks, and report what was tried, what failed, and the worst figure of each."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.measure.book import write_whole
from loadtest.measure.running import Say, progress, run_measurement, wrong_command
from loadtest.trial import attacks, faults, fuzz, kills
from loadtest.trial.rows import Plan, Result, Row, Trial, page, reasons, table
from sadpath.errors import Status

TRIALS: tuple[Trial, ...] = (kills.TRIAL, faults.TRIAL, attacks.TRIAL, fuzz.TRIAL)
NAMES = [one.name for one in TRIALS]


class TrialReport:
    """The rows so far: on disk after each result, so that an interrupt leaves them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        self.results: list[Result] = []
        self._write()

    def put(self, row: Row, result: Result | None = None) -> None:
        """Add a row, or put a later state of it in the place of the earlier one."""
        self.rows[row.name] = row
        if result:
            self.results.append(result)
        self._write()

    @property
    def has_failures(self) -> bool:
        """Whether anything failed."""
        return any(row.failed for row in self.rows.values())

    def _write(self) -> None:
        write_whole(self.path, page(self.rows.values()))


def trial(
    *,
    kills: Annotated[int, typer.Option(min=0, help="How many demos to kill.")] = 60,
    seed: Annotated[int, typer.Option(help="Decides the moments of the kills, and the odd requests.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help=f"Try only this: {', '.join(NAMES)}.")] = None,
    report: Annotated[Path, typer.Option(help="File for the rows.")] = Path("reports/trial.json"),
) -> int:
    """Try kills, faults, attacks and odd requests.

    It takes about ten minutes on two cores, on Linux. It starts demos, arms and Locust on free ports of this machine,
    and ends what it started and nothing else. The file is written after each attempt.

    Exit status: 0 nothing failed, 1 something did, 2 the command is wrong, 4 a trial could not begin, 130 interrupted;
    what was tried until then is in the file.
    """
    wanted = only or NAMES
    if strange := set(wanted) - set(NAMES):
        raise typer.BadParameter(f"unknown trial {', '.join(sorted(strange))}; choose from {', '.join(NAMES)}")
    chosen = [one for one in TRIALS if one.name in wanted]
    check_installed(chosen)
    console, book = Console(), TrialReport(report)
    status = run_measurement(
        "trial", lambda folder: run_all(chosen, Plan(folder, seed, kills), book, progress(console)), console
    )
    console.print(table(book.rows.values()))
    for line in (*reasons(book.results), f"Rows: {report}"):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return status or (Status.LEAKS if book.has_failures else Status.OK)


def check_installed(trials: Iterable[Trial]) -> None:
    """Raise `CommandError` if one of the trials needs a package that is not there."""
    for one in trials:
        if one.needs and find_spec(one.needs) is None:
            raise wrong_command(
                f"{one.name} needs {one.needs}, which `make trial` installs; choose others with --only: "
                f"{', '.join(other.name for other in TRIALS if not other.needs)}"
            )


def run_all(trials: list[Trial], plan: Plan, book: TrialReport, say: Say) -> None:
    """Run the trials one after another."""
    for one in trials:
        run_one(one, plan, book, say)


def run_one(one: Trial, plan: Plan, book: TrialReport, say: Say) -> None:
    """Run one trial; its row grows with each result. What it started has ended when this returns, or raises."""
    results: list[Result] = []
    book.put(one.row(results))
    with closing(one.results(plan)) as attempts:
        for result in attempts:
            results.append(result)
            book.put(row := one.row(results), result)
            say(f"{one.name} {row.tried:,}: {result.what}: {result.failure or 'as expected'}")
