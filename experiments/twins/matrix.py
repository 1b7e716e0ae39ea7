"""`make matrix`: how often `sadpath check` is right, on every variant of every twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from experiments.measurement import Book, Say, progress, run_measurement
from experiments.pages import render, write_page
from experiments.twins.exact import ask_for_catalogue
from experiments.twins.runtimes import (
    ENVIRONMENTS,
    Environments,
    EnvironmentsOption,
    PythonOption,
    Runtime,
    StarletteOption,
    TwinOption,
    this_runtime,
)
from experiments.twins.truth import find_scope
from experiments.twins.variants import TwinRow, grouped
from loadtest.catalogue import Twin, Variant
from loadtest.ports import free_port
from sadpath.errors import CommandError, Status
from sadpath.export.collectors import environment
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, Outcome

ALONE_BUDGET_S = 20.0
MEMORY_LIMIT_MB = 4096
NAMED = ("service.errors.", "service.twins.")
"""Where the objects of the lab are, so how each name has to begin."""


@dataclass(frozen=True)
class CheckAnswer:
    """What `sadpath check` said of a variant, beside what was expected, and the object that it named."""

    expected: Outcome
    outcome: Outcome
    kind: str = ""
    held_by: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it was decided as expected."""
        return self.outcome == self.expected

    @property
    def is_mistake(self) -> bool:
        """Whether it was decided otherwise; what is inconclusive was not decided."""
        return self.outcome not in {self.expected, "inconclusive"}

    @property
    def is_named(self) -> bool:
        """Whether a leak was put down to an object of the lab, by its name."""
        return self.held_by.removeprefix("lru_cache of ").startswith(NAMED)


CheckRow = TwinRow[CheckAnswer]


def matrix(  # noqa: PLR0913 - one parameter for each option
    *,
    twin: TwinOption = None,
    python: PythonOption = None,
    starlette: StarletteOption = None,
    budget: Annotated[float, typer.Option(help="Seconds for all variants of one runtime.", metavar="SECONDS")] = 120.0,
    skip_alone: Annotated[bool, typer.Option("--skip-alone", help="Do not check each variant alone as well.")] = False,
    reports: Annotated[Path, typer.Option(help="Folder for matrix.json.")] = Path("reports"),
    page: Annotated[Path, typer.Option(help="Page to write when all twins were checked.")] = Path(
        "docs/check-matrix.md"
    ),
    environments: EnvironmentsOption = ENVIRONMENTS,
) -> int:
    """Check every variant with `sadpath check`, and count mistakes.

    Two minutes for each Python and each of two Starlettes, and four for the variants alone. The file is written after
    each runtime. Exit status: 0 no mistake, 1 a variant was judged wrongly, 2 the command is wrong, 4 something did not
    start, 130 interrupted.
    """
    console = Console()
    say = progress(console)
    file, rows = reports / "matrix.json", list[CheckRow]()

    def work(folder: Path) -> None:
        scope = find_scope(twin or [], python or [], starlette or [], folder)
        book = Book(file, {**environment(), "cpus": os.cpu_count()}, matrix_json)
        for runtime in scope.runtimes(Environments(environments, console.print)):
            book.put(*_check_together(runtime, scope.twins, folder, say, budget_s=budget))
        for one in [] if skip_alone else checkable(scope.twins):
            say(f"{one[0].slug}/{one[1].slug} alone")
            book.put(*check(this_runtime(), [one], folder, budget_s=ALONE_BUDGET_S, alone=True))
        rows.extend(book.rows)

    if status := run_measurement("matrix", work, console):
        return status
    if not twin:
        write_page(page, matrix_page(rows, environment()))
    wrong = [row for row in rows if row.found and row.found.is_mistake]
    say(f"{len(rows)} variants, {len(wrong)} judged wrongly; {file if twin else page}")
    return int(Status.LEAKS if wrong else Status.OK)


Checked = tuple[Twin, Variant]


def _check_together(
    runtime: Runtime, twins: Sequence[Twin], folder: Path, say: Say, *, budget_s: float
) -> Sequence[CheckRow]:
    """Check all variants of the twins on a runtime, whose own service says what is expected there."""
    if runtime.problem:
        raise CommandError(runtime.problem)
    there = ask_for_catalogue(runtime, folder)
    variants = checkable([there[twin.slug] for twin in twins if twin.slug in there])
    say(f"{len(variants)} variants on {runtime.name}")
    return check(runtime, variants, folder, budget_s=budget_s)


def checkable(twins: Sequence[Twin]) -> list[Checked]:
    """Return what can be checked: each variant that answers over HTTP and leaks, or does not.

    One that retains about as much as counts as a leak, such as a bare exception, may be called either.
    """
    variants = [(twin, one) for twin in twins if twin.protocol == "http" for one in twin.variants]
    return [(twin, one) for twin, one in variants if not _is_either(*one.range_of("bytes_per_request"))]


def _is_either(low: float, high: float) -> bool:
    return 0 <= low <= FLAT_BELOW_EXACT <= high


def check(
    runtime: Runtime, variants: Sequence[Checked], folder: Path, *, budget_s: float, alone: bool = False
) -> list[CheckRow]:
    """Check these variants as paths of one running lab. Raises `CommandError` if the check did not run."""
    file = folder / "check.json"
    file.unlink(missing_ok=True)
    requests = [word for _, one in variants for word in ("--request", f"GET {one.path}")]
    serve = [runtime.executable, "-m", "uvicorn", runtime.app, "--port", str(free_port()), "--no-access-log"]
    command = [sys.executable, "-m", "sadpath", "check", "--budget", str(budget_s), "--json", str(file), *requests]
    done = subprocess.run(  # noqa: S603 - our own
        [*command, "--", *serve],
        env={**os.environ, **runtime.variables(MEMORY_LIMIT_MB)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not file.exists():
        raise CommandError(f"{runtime.name}: {(done.stderr.splitlines() or ['no output'])[-1]}")
    said = {one["path"]: one for one in json.loads(file.read_text())["paths"]}
    return [_row(twin, one, said.get(one.path, {}), runtime, alone=alone) for twin, one in variants]


def _row(twin: Twin, variant: Variant, said: Mapping[str, Any], runtime: Runtime, *, alone: bool) -> CheckRow:
    cause = said.get("cause") or {}
    expected: Outcome = "leaks" if variant.range_of("bytes_per_request")[0] > FLAT_BELOW_EXACT else "flat"
    found = CheckAnswer(expected, said.get("verdict", "inconclusive"), cause.get("kind", ""), cause.get("held_by", ""))
    where = (twin.slug, variant.slug, runtime.python, runtime.starlette)
    return CheckRow(*where, variant.expected, found, agrees=found.is_right, alone=alone)


def matrix_json(rows: Sequence[CheckRow]) -> dict[str, Any]:
    """Return the rows as they are written to the file."""
    return {"rows": list(_written(rows))}


def _written(rows: Sequence[CheckRow]) -> Iterator[dict[str, Any]]:
    for row in rows:
        assert row.found is not None  # noqa: S101 - a check that did not run ends the matrix
        answer = asdict(row.found)
        found = {"expected": answer.pop("expected"), "found": answer.pop("outcome"), **answer}
        yield {
            "runtime": row.runtime_name,
            "variant": row.variant_name,
            **found,
            "alone": row.alone,
            "named": row.found.is_named,
        }


def matrix_page(rows: Sequence[CheckRow], environment: Mapping[str, object]) -> str:
    """Return the page as Markdown: the confusion matrix, and each row that is not as expected or not named."""
    answers = [row.found for row in rows if row.found]
    leaks = [one for one in answers if one.outcome == one.expected == "leaks"]
    named = {"leaks": f"{sum(one.is_named for one in leaks)} of {len(leaks)}", "flat": ""}
    return render(
        "check-matrix.md",
        flat_below=f"{FLAT_BELOW_EXACT:g}",
        verdicts=[
            (expected, Counter(one.outcome for one in answers if one.expected == expected), named[expected])
            for expected in named
        ],
        runtimes={on: [row.found for row in group] for on, group in grouped(rows, lambda row: row.on).items()},
        odd=[row for row in rows if row.found and not _is_as_it_should_be(row.found)],
        versions=", ".join(f"{name} {value}" for name, value in environment.items()),
    )


def _is_as_it_should_be(found: CheckAnswer) -> bool:
    return found.is_right and (found.outcome != "leaks" or found.is_named)
