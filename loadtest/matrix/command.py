"""`make matrix`: how often `sadpath check` is right, on every variant of every twin."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.catalogue import Twin
from loadtest.matrix.judged import Judged, http_variants, judge
from loadtest.matrix.page import write_page
from loadtest.measure.book import Book
from loadtest.measure.running import Say, progress, run_measurement
from loadtest.server import Pool
from loadtest.truth.command import find_scope
from loadtest.truth.environments import Environments, Runtime, locked_starlette
from loadtest.truth.pythons import ask
from loadtest.truth.variant_rounds import ask_for_catalogue
from sadpath.errors import CommandError, Status
from sadpath.export.collectors import environment

ALONE_BUDGET_S = 20.0


def matrix(  # noqa: PLR0913 - one parameter for each option
    *,
    python: Annotated[
        list[str] | None,
        typer.Option(envvar="PYTHONS", help="Only on this Python: a name or a path.", metavar="PYTHON"),
    ] = None,
    starlette: Annotated[list[str] | None, typer.Option(help="Only on this version.", metavar="VERSION")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for all variants of one runtime.", metavar="SECONDS")] = 120.0,
    skip_alone: Annotated[bool, typer.Option("--skip-alone", help="Do not check each variant alone as well.")] = False,
    reports: Annotated[Path, typer.Option(help="Folder for matrix.json.")] = Path("reports"),
    page: Annotated[Path, typer.Option(help="Page to write.")] = Path("docs/check-matrix.md"),
    environments: Annotated[Path, typer.Option(help="Folder for the environment of each Python.")] = Path(
        ".venv/truth"
    ),
) -> int:
    """Check every variant of every twin with `sadpath check`, and count its mistakes.

    Two minutes for each Python and each of two Starlettes, and four for the variants alone. The file is written after
    each runtime. Exit status: 0 no mistake, 1 a variant was judged wrongly, 2 the command is wrong, 4 something did not
    start, 130 interrupted.
    """
    console = Console()
    say = progress(console)
    book: Book[Judged] = Book(reports / "matrix.json", {**environment(), "cpus": os.cpu_count()})

    def measure(folder: Path) -> None:
        scope = find_scope([], python or [], starlette or [], folder)
        places = Environments(environments, console.print)
        runtimes = [one for each in scope.pythons for one in places.runtimes(each, scope.starlettes)]
        for row in _measured(runtimes, folder, say, budget_s=budget):
            book.put(row)
        if not skip_alone:
            for row in _alone(scope.twins, folder, say):
                book.put(row)

    if status := run_measurement("matrix", measure, console):
        return status
    rows = list(book.rows.values())
    write_page(page, rows, environment())
    wrong = [row for row in rows if row.found not in (row.expected, "inconclusive")]
    say(f"{len(rows)} variants, {len(wrong)} judged wrongly; {page}")
    return int(Status.LEAKS if wrong else Status.OK)


def _measured(runtimes: Sequence[Runtime], folder: Path, say: Say, *, budget_s: float) -> Iterator[Judged]:
    """Check all variants on each runtime, whose own service says what is expected there."""
    for runtime in runtimes:
        if runtime.problem:
            raise CommandError(runtime.problem)
        variants = http_variants(list(ask_for_catalogue(runtime, Pool(), folder).values()))
        say(f"{len(variants)} variants on {runtime.name}")
        yield from judge(runtime, variants, folder, budget_s=budget_s)


def _alone(twins: Sequence[Twin], folder: Path, say: Say) -> Iterator[Judged]:
    """Check each variant in a fresh service."""
    python = ask(sys.executable)
    assert python is not None  # noqa: S101 - it runs this line
    runtime = Runtime(python.version, locked_starlette(), python.executable)
    for name, variant in http_variants(twins):
        say(f"{name} alone")
        yield from judge(runtime, [(name, variant)], folder, budget_s=ALONE_BUDGET_S)
