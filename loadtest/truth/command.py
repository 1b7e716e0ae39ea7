"""`make truth`: verify every twin, on each installed Python and on two Starlettes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.catalogue import Twin
from loadtest.measure.book import Book
from loadtest.measure.running import run_measurement, wrong_command
from loadtest.server import Pool
from loadtest.truth.document import write_page
from loadtest.truth.environments import OLD_STARLETTE, Environments, Runtime, locked_starlette
from loadtest.truth.pythons import NEWEST_KNOWN, Python, ask, chosen_pythons, dotted
from loadtest.truth.row import TruthRow
from loadtest.truth.screen import conclude, screen
from loadtest.truth.table import TruthTable, cases
from loadtest.truth.variant_rounds import ask_for_catalogue
from sadpath.errors import Status
from sadpath.export.collectors import environment


def truth(  # noqa: PLR0913, PLR0917 - one parameter for each option
    twin: Annotated[
        list[str] | None, typer.Option(envvar="TWIN", help="Measure only this twin; may repeat.", metavar="SLUG")
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(envvar="PYTHONS", help="Measure only on this Python: a name or a path.", metavar="PYTHON"),
    ] = None,
    starlette: Annotated[
        list[str] | None, typer.Option(help="Measure only on this version.", metavar="VERSION")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Folder for truth.json.")] = Path("reports"),
    page: Annotated[Path, typer.Option(help="Page to write when all twins were measured.")] = Path(
        "docs/truth-table.md"
    ),
    environments: Annotated[Path, typer.Option(help="Folder for the environment of each Python.")] = Path(
        ".venv/truth"
    ),
) -> int:
    """Verify every twin on each Python and two Starlettes.

    Each variant gets its requests; what they leave behind is compared with what is expected. Each row is one variant on
    one Python and one Starlette: the locked version, and the last one that does not clear the traceback of an exception
    that its handlers have handled. Each row has a fresh process of the service, a warm-up, and nine rounds of an exact
    number of requests; between rounds the service collects its garbage and counts what is left. Traceback entries,
    objects in reference cycles and log bytes are counted. Bytes are a slope with a 95% CI, and the whole interval has
    to lie in the expected range; where only a part does, the row is measured once more, and then it is too noisy, which
    does not count as agreement.

    Without --python, every Python from 3.11 on that is on the PATH or among pyenv's versions is used. The first run
    installs the service for each. One Python takes about three minutes on two cores. The expectations were verified on
    3.11 to 3.15; a newer Python is measured with a warning.

    Exit status: 0 all rows agree, 1 some disagree or could not be measured, 2 the command is wrong, 4 something did not
    start, 130 interrupted. truth.json is written after each row.
    """
    console, file = Console(), reports / "truth.json"
    rows: list[TruthRow] = []

    def measure(folder: Path) -> None:
        scope = find_scope(twin or [], python or [], starlette or [], folder)
        sys.stderr.writelines(warnings(scope.pythons))
        book: Book[TruthRow] = Book(file, {**environment(), "cpus": os.cpu_count()})
        rows.extend(measure_scope(scope, book, Environments(environments, console.print), folder, console))
        if not twin and not starlette:
            write_page(page, scope.twins, rows, environment())
            console.print(f"Page: {page}", soft_wrap=True)

    if status := run_measurement("truth", measure, console):
        return status
    return Status.LEAKS if conclude(rows, file, console) else Status.OK


@dataclass(frozen=True)
class Scope:
    """What is measured: each variant of the twins, on each of the Pythons with each of the Starlettes."""

    twins: Sequence[Twin]
    pythons: Sequence[Python]
    starlettes: Sequence[str]


def find_scope(twins: Sequence[str], pythons: Sequence[str], starlettes: Sequence[str], folder: Path) -> Scope:
    """Return what was asked for, everything by default. Raises `CommandError`, before anything is installed."""
    found = chosen_pythons(pythons)
    chosen_starlettes = known("Starlette", starlettes, [OLD_STARLETTE, locked_starlette()])
    catalogue = find_twins(folder)
    return Scope([catalogue[slug] for slug in known("twin", twins, list(catalogue))], found, chosen_starlettes)


def warnings(pythons: Sequence[Python]) -> list[str]:
    """Return a line for each Python that is newer than those that the expectations were verified on."""
    return [
        f"truth: warning: the expectations were verified up to Python {dotted(NEWEST_KNOWN)}; "
        f"rows on {one.version} may disagree\n"
        for one in pythons
        if one.is_newer_than_known
    ]


def known(what: str, asked: Sequence[str], choices: Sequence[str]) -> Sequence[str]:
    """Return what was asked for, all `choices` by default. Raises `CommandError` for anything else."""
    if strange := [one for one in asked if one not in choices]:
        raise wrong_command(f"unknown {what} {', '.join(strange)}; choose from {', '.join(choices)}")
    return list(dict.fromkeys(asked)) or choices


def measure_scope(
    scope: Scope, book: Book[TruthRow], environments: Environments, folder: Path, console: Console
) -> list[TruthRow]:
    """Install what is missing, measure the table into the book, and return its rows in order."""
    runtimes = [one for python in scope.pythons for one in environments.runtimes(python, scope.starlettes)]
    these = cases(scope.twins, runtimes)
    with screen(console, len(these)) as show:
        TruthTable(scope.twins, book, Pool(), folder, show).measure(runtimes)
    return [book.rows[case.row().name] for case in these]


def find_twins(folder: Path) -> dict[str, Twin]:
    """Ask a service on the running interpreter for its twins. Raises `CommandError`."""
    python = ask(sys.executable)
    assert python is not None  # noqa: S101 - it runs this line
    return ask_for_catalogue(Runtime(python.version, locked_starlette(), python.executable), Pool(), folder)
