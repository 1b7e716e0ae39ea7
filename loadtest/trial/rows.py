"""What a trial yields, and the row and the table that come of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from loadtest.measure.terminal_table import terminal_table

SHOWN = 10
"""Failures that are written out below the table."""


@dataclass(frozen=True)
class Result:
    """What came of one attempt, or of `tried` alike; `failure` is the reason where any of them failed."""

    what: str
    failure: str = ""
    figure: float = 0.0
    tried: int = 1
    failed: int = 0


@dataclass(frozen=True)
class Row:
    """A row of the report."""

    name: str
    tried: int = 0
    failed: int = 0
    worst: str = ""


@dataclass(frozen=True)
class Plan:
    """What every trial is given: a folder for what it leaves, the seed, and how much of it to do."""

    folder: Path
    seed: int = 1
    kills: int = 60
    requests: int = 50_000


Results = Generator[Result, None, None]
"""What a trial yields; it is closed where it is interrupted, and ends what it started."""


@dataclass(frozen=True)
class Trial:
    """A trial by name. `results` tries and yields; `worst` puts the worst of the results into words.

    `needs` is a package that `make trial` installs, and other targets do not.
    """

    name: str
    results: Callable[[Plan], Results]
    worst: Callable[[Sequence[Result]], str]
    needs: str = ""

    def row(self, results: Sequence[Result]) -> Row:
        """Return the row of these results."""
        tried, failed = sum(one.tried for one in results), sum(one.failed for one in results)
        return Row(self.name, tried, failed, self.worst(results) if results else "")


def result(what: str, failures: Iterable[str] = (), figure: float = 0.0) -> Result:
    """Return what came of one attempt: it failed if there is any reason that is not empty."""
    failure = "; ".join(filter(None, failures))
    return Result(what, failure, figure, failed=int(bool(failure)))


def most(results: Sequence[Result]) -> float:
    """Return the largest figure."""
    return max(one.figure for one in results)


def first_failure(results: Sequence[Result]) -> str:
    """Return the first failure, in words; empty if nothing failed."""
    return next((f"{one.what}: {one.failure}" for one in results if one.failed), "")


def page(rows: Iterable[Row]) -> dict[str, object]:
    """Return the report: the rows, and nothing else."""
    return {"rows": [asdict(row) for row in rows]}


def table(rows: Iterable[Row]) -> Table:
    """Return the rows as a table."""
    cells = ((row.name, f"{row.tried:,}", _red(row.failed), escape(row.worst)) for row in rows)
    return terminal_table(("trial", "tried", "failed", "worst figure"), cells, "", names=("trial", "worst figure"))


def reasons(results: Iterable[Result]) -> list[str]:
    """Return the reason of each failure, of the first ones, in a line each."""
    failures = [f"{one.what}: {one.failure}" for one in results if one.failed]
    return failures[:SHOWN] + ([f"and {len(failures) - SHOWN} more"] if len(failures) > SHOWN else [])


def _red(failed: int) -> str:
    return f"[bold red]{failed:,}[/]" if failed else "0"
