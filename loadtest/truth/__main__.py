"""Hold every twin to its word, on every Python that is here and on two Starlettes.

python -m loadtest.truth --twin endpoint
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.arms import DidNotStart
from loadtest.catalogue import Twin
from loadtest.demo import interrupt_once
from loadtest.page import Book
from loadtest.truth.environments import OLD_STARLETTE, Environments, InstallFailed, locked_starlette
from loadtest.truth.measure import Failed, ask_for_catalogue
from loadtest.truth.page import write_page
from loadtest.truth.pythons import NEWEST_KNOWN, Python, Unusable, ask, chosen_pythons, dotted
from loadtest.truth.rows import Row
from loadtest.truth.screen import conclude, screen
from loadtest.truth.service import Processes, Runtime
from loadtest.truth.table import cases, measure_table
from sadpath.plugins.prometheus import environment

DISAGREES, WRONG_COMMAND, INTERRUPTED = 1, 2, 128 + signal.SIGINT


def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    twin: Annotated[
        list[str] | None, typer.Option(envvar="TWIN", help="measure this twin alone; again for another", metavar="SLUG")
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(envvar="PYTHONS", help="measure on this one alone: a name or a path", metavar="PYTHON"),
    ] = None,
    starlette: Annotated[
        list[str] | None, typer.Option(help="measure on this version alone", metavar="VERSION")
    ] = None,
    reports: Annotated[Path, typer.Option(help="the folder that truth.json goes to")] = Path("reports"),
    page: Annotated[Path, typer.Option(help="the page for people, written when all twins were measured")] = Path(
        "docs/truth-table.md"
    ),
    environments: Annotated[Path, typer.Option(help="where each Python gets its environment")] = Path(".venv/truth"),
) -> None:
    """Hold every twin to its word: send each variant its requests, and compare what is left with what it says.

    Each row is one variant on one Python and one Starlette: the locked one, and the last that does not clear the
    traceback of what its handlers have handled. Each has a fresh process of the service, a warm-up, and nine rounds of
    an exact number of requests; between them the service collects its garbage and counts what is left. Traceback
    entries, cyclic objects and log bytes are counted. Bytes are a slope with a 95 % interval, and the whole interval
    has to lie in the range that is expected; where only a part does, the row is measured once more, and then it is too
    noisy, which is no agreement.

    Without --python, each Python from 3.11 on that is on the PATH or among pyenv's versions. The first run installs the
    service for each. One Python takes about three minutes on two cores. The expectations were verified on 3.11 to 3.15;
    a newer Python is measured with a warning.

    Exit status: 0 all rows agree · 1 some disagree or could not be measured · 2 the command is wrong · 130 it was
    interrupted. truth.json is written after each row, so it has what was measured until then.
    """
    console, file = Console(), reports / "truth.json"
    try:
        with interrupt_once(), tempfile.TemporaryDirectory(prefix="sadpath-truth-") as folder:
            plan = make_plan(twin or [], python or [], starlette or [], Path(folder))
            sys.stderr.writelines(warnings(plan.pythons))
            book: Book[Row] = Book(file, {**environment(), "cpus": os.cpu_count()})
            rows = run(plan, book, Environments(environments, console.print), Path(folder), console)
            if not twin and not starlette:
                write_page(page, plan.twins, rows, environment())
                console.print(f"The page: {page}", soft_wrap=True)
    except (Unusable, DidNotStart, Failed, InstallFailed, OSError) as reason:
        sys.stderr.write(f"truth: {reason}\n")
        raise typer.Exit(WRONG_COMMAND if isinstance(reason, Unusable) else DISAGREES) from None
    except KeyboardInterrupt:
        console.print(f"Stopped; what was measured is in {file}.", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(DISAGREES if conclude(rows, file, console) else 0)


@dataclass(frozen=True)
class Plan:
    """What is measured: each variant of the twins, on each of the Pythons with each of the Starlettes."""

    twins: Sequence[Twin]
    pythons: Sequence[Python]
    starlettes: Sequence[str]


def make_plan(twins: Sequence[str], pythons: Sequence[str], starlettes: Sequence[str], folder: Path) -> Plan:
    """Return what was asked for, everything where nothing was. Raises `Unusable`, before anything is installed."""
    found = chosen_pythons(pythons)
    chosen_starlettes = known("Starlette", starlettes, [OLD_STARLETTE, locked_starlette()])
    catalogue = find_twins(folder)
    return Plan([catalogue[slug] for slug in known("twin", twins, list(catalogue))], found, chosen_starlettes)


def warnings(pythons: Sequence[Python]) -> list[str]:
    """Return a line for each Python that is newer than those that the expectations were verified on."""
    return [
        f"truth: warning: the expectations were verified up to Python {dotted(NEWEST_KNOWN)}; "
        f"rows on {one.version} may disagree\n"
        for one in pythons
        if one.is_newer_than_known
    ]


def known(what: str, asked: Sequence[str], there_are: Sequence[str]) -> Sequence[str]:
    """Return what was asked for, all that there are where nothing was. Raises `Unusable` if one is none of them."""
    if strange := [one for one in asked if one not in there_are]:
        raise Unusable(f"there is no {what} {', '.join(strange)}; there are {', '.join(there_are)}")
    return list(dict.fromkeys(asked)) or there_are


def run(plan: Plan, book: Book[Row], environments: Environments, folder: Path, console: Console) -> list[Row]:
    """Install what is missing, measure the table into the book, and return its rows in order."""
    runtimes = [one for python in plan.pythons for one in environments.runtimes(python, plan.starlettes)]
    these = cases(plan.twins, runtimes)
    with screen(console, len(these)) as show:
        measure_table(plan.twins, runtimes, Processes(folder), book, show)
    return [book.rows[case.row().name] for case in these]


def find_twins(folder: Path) -> dict[str, Twin]:
    """Ask a service on the running interpreter for the twins that there are. Raises `Failed` and `DidNotStart`."""
    python = ask(sys.executable)
    assert python is not None  # noqa: S101 - it runs this line
    processes = Processes(folder)
    try:
        return ask_for_catalogue(Runtime(python.version, locked_starlette(), python.executable), processes)
    finally:
        processes.stop()


if __name__ == "__main__":
    typer.run(main)
