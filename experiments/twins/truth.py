"""`make truth`: verify every twin by exact rounds, on each installed Python and on two Starlettes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from experiments.measurement import Book, progress, rounded, run_measurement, wrong_command
from experiments.pages import count, figure, write_page
from experiments.twins.exact import ask_for_catalogue, measure
from experiments.twins.runtimes import (
    ENVIRONMENTS,
    NEWEST_KNOWN,
    OLD_STARLETTE,
    Environments,
    EnvironmentsOption,
    Python,
    PythonOption,
    Runtime,
    StarletteOption,
    TwinOption,
    chosen_pythons,
    dotted,
    locked_starlette,
    this_runtime,
)
from experiments.twins.truth_page import truth_page
from experiments.twins.variants import TwinRow, VariantFigures, judge_figures, unlike_their_pair
from loadtest.catalogue import Twin
from loadtest.server import Pool
from sadpath.errors import CommandError, Status
from sadpath.export.collectors import environment

AT_A_TIME = max(1, min(os.cpu_count() or 1, 4))
"""Counts and settled memory do not depend on how fast the machine is, so processes may share it."""

ATTEMPTS = 2
"""How often a variant is measured, in a fresh process each time, when the first reading is too noisy."""

TruthRow = TwinRow[VariantFigures]


def truth(  # noqa: PLR0913 - one parameter for each option
    *,
    twin: TwinOption = None,
    python: PythonOption = None,
    starlette: StarletteOption = None,
    reports: Annotated[Path, typer.Option(help="Folder for truth.json.")] = Path("reports"),
    page: Annotated[Path, typer.Option(help="Page to write when all twins were measured.")] = Path(
        "docs/truth-table.md"
    ),
    environments: EnvironmentsOption = ENVIRONMENTS,
) -> int:
    """Verify every twin on each Python and two Starlettes.

    Each variant gets its requests; what they leave behind is compared with what is expected. Each row is one variant on
    one Python and one Starlette: the locked version, and the last one that does not clear the traceback of an exception
    that its handlers have handled. Each row has a fresh process of the service, a warm-up, and nine rounds of an exact
    number of requests; between rounds the service collects its garbage and counts what is left. Traceback entries,
    objects in reference cycles and log bytes are counted. Bytes are a slope with a 95% CI, and the whole interval has
    to lie in the expected range; where only a part does, the row is measured once more, and then it is too noisy, which
    does not count as agreement.

    Without --python, every Python that the service runs on and that is on the PATH or among pyenv's versions is used.
    The first run installs the service for each. One Python takes about three minutes on two cores. A Python that is
    newer than those that the expectations were verified on is measured with a warning.

    Exit status: 0 all rows agree, 1 some disagree or could not be measured, 2 the command is wrong, 4 something did not
    start, 130 interrupted. truth.json is written after each row.
    """
    console, file = Console(), reports / "truth.json"
    rows: list[TruthRow] = []

    def work(folder: Path) -> None:
        scope = find_scope(twin or [], python or [], starlette or [], folder)
        sys.stderr.writelines(warnings(scope.pythons))
        runtimes = scope.runtimes(Environments(environments, console.print))
        book = Book(file, {**environment(), "cpus": os.cpu_count()}, truth_json)
        planned, say = cases(scope.twins, runtimes), progress(console)
        TruthTable(
            scope.twins, book, Pool(), folder, lambda row: say(f"{len(book.rows):3} of {len(planned)}  {_line(row)}")
        ).measure(runtimes)
        rows.extend(filter(None, (book.get(case.name) for case in planned)))
        if not twin and not starlette:
            write_page(page, truth_page(scope.twins, rows, environment()))
            console.print(f"Page: {page}", soft_wrap=True)

    if status := run_measurement("truth", work, console):
        return status
    return Status.LEAKS if conclude(rows, file, console) else Status.OK


@dataclass(frozen=True)
class Scope:
    """What is measured: each variant of the twins, on each of the Pythons with each of the Starlettes."""

    twins: Sequence[Twin]
    pythons: Sequence[Python]
    starlettes: Sequence[str]

    def runtimes(self, environments: Environments) -> list[Runtime]:
        """Return what it is measured on, with what is missing installed."""
        return [one for python in self.pythons for one in environments.runtimes(python, self.starlettes)]


def find_scope(twins: Sequence[str], pythons: Sequence[str], starlettes: Sequence[str], folder: Path) -> Scope:
    """Return what was asked for, everything by default. Raises `CommandError`, before anything is installed."""
    found = chosen_pythons(pythons)
    chosen_starlettes = _known("Starlette", starlettes, [OLD_STARLETTE, locked_starlette()])
    catalogue = ask_for_catalogue(this_runtime(), folder)
    return Scope([catalogue[slug] for slug in _known("twin", twins, list(catalogue))], found, chosen_starlettes)


def _known(what: str, asked: Sequence[str], choices: Sequence[str]) -> Sequence[str]:
    if strange := [one for one in asked if one not in choices]:
        raise wrong_command(f"unknown {what} {', '.join(strange)}; choose from {', '.join(choices)}")
    return list(dict.fromkeys(asked)) or choices


def warnings(pythons: Sequence[Python]) -> list[str]:
    """Return a line for each Python that is newer than those that the expectations were verified on."""
    return [
        f"truth: warning: the expectations were verified up to Python {dotted(NEWEST_KNOWN)}; "
        f"rows on {one.version} may disagree\n"
        for one in pythons
        if one.numbers > NEWEST_KNOWN
    ]


def cases(twins: Sequence[Twin], runtimes: Sequence[Runtime]) -> list[TruthRow]:
    """Return the rows of the table, runtime after runtime, with nothing found yet."""
    return [
        TruthRow(twin.slug, variant.slug, runtime.python, runtime.starlette)
        for runtime in runtimes
        for twin in twins
        for variant in twin.variants
    ]


@dataclass(frozen=True)
class TruthTable:
    """The table while it is measured: its rows go into the book and are shown as they come.

    `folder` is for the logs of the measured processes.
    """

    twins: Sequence[Twin]
    book: Book[TruthRow]
    pool: Pool
    folder: Path
    show: Callable[[TruthRow], None]

    def measure(self, runtimes: Sequence[Runtime]) -> None:
        """Measure all rows, two or more at a time. A row that fails stays a row, and the next one goes on.

        When this is left, also by an interrupt, no process runs any more.
        """
        with ThreadPoolExecutor(AT_A_TIME) as workers:
            try:
                for runtime in runtimes:
                    these = cases(self.twins, [runtime])
                    running = [workers.submit(self.measure_row, case, runtime) for case in these]
                    rows = [self._put(done.result()) for done in as_completed(running)]
                    for row in unlike_their_pair(self.twins, rows):
                        self._put(row)
            finally:
                workers.shutdown(wait=False, cancel_futures=True)
                self.pool.stop()

    def measure_row(self, case: TruthRow, runtime: Runtime) -> TruthRow:
        """Measure and judge one row; once more in a fresh process where the first reading does not decide."""
        row = case
        for _ in range(ATTEMPTS):
            try:
                expected, found = measure(case.twin, case.variant, runtime, self.folder, self.pool)
            except CancelledError:
                raise
            except CommandError as failure:
                return replace(case, reason=str(failure))
            except Exception as unexpected:  # noqa: BLE001 - whatever it is, it is this row's alone
                return replace(case, reason=f"{type(unexpected).__name__}: {unexpected}")
            agreement, reason = judge_figures(expected, found)
            row = replace(case, expected=expected, found=found, agrees=agreement == "agrees", reason=reason)
            if agreement != "too noisy":
                break
        return row

    def _put(self, row: TruthRow) -> TruthRow:
        self.book.put(row)
        self.show(row)
        return row


def truth_json(rows: Sequence[TruthRow]) -> dict[str, Any]:
    """Return the rows as they are written to the file, rounded to the digits that are known."""
    return {
        "rows": [
            {
                "twin": row.twin,
                "variant": row.variant,
                "python": row.python,
                "starlette": row.starlette,
                "expected": row.expected,
                "measured": row.found and rounded(asdict(row.found)),
                "agrees": row.agrees,
                "reason": row.reason,
            }
            for row in rows
        ]
    }


def conclude(rows: Sequence[TruthRow], file: Path, console: Console) -> int:
    """Print how many rows agree and list those that do not; return the number of the latter."""
    wrong = [row for row in rows if not row.agrees]
    for row in wrong:
        console.print(_line(row), soft_wrap=True, highlight=False)
    console.print(f"{len(rows) - len(wrong)} of {len(rows)} rows agree. Figures: {file}", soft_wrap=True)
    return len(wrong)


def _line(row: TruthRow) -> str:
    """Return one row as one line, with rich's markup."""
    mark = "[green]agrees[/]   " if row.agrees else "[bold red]disagrees[/]"
    return f"{mark} {escape(row.name)}: {escape(row.reason or _in_words(row.found))}"


def _in_words(found: VariantFigures | None) -> str:
    if found is None:
        return "not measured"
    counted = f"{count(found.traceback_entries_per_request)} entries"
    retained = f"{figure(found.bytes_per_request, found.ci95)} bytes"
    log = f", {found.log_bytes_added_per_request:,.0f} log bytes" if found.log_bytes_added_per_request else ""
    return f"{counted}, {retained}, {count(found.cyclic_objects_per_request)} objects in cycles{log}"
