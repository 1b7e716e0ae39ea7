"""What is shown in the terminal: a line for each row, and a bar where there is somebody to watch it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from loadtest.truth.row import TruthRow
from loadtest.truth.wording import count, figure


@contextmanager
def screen(console: Console, count: int) -> Iterator[Callable[[TruthRow], None]]:
    """Yield what shows a row. A terminal has a bar below the lines, and each row once more if it comes again."""
    began = time.monotonic()
    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        bar = progress.add_task("measuring", total=count)

        def show(row: TruthRow) -> None:
            progress.advance(bar)
            console.print(f"{time.monotonic() - began:4.0f} s  {line(row)}", soft_wrap=True, highlight=False)

        yield show


def line(row: TruthRow) -> str:
    """Return one row as one line, with rich's markup."""
    mark = "[green]agrees[/]   " if row.agrees else "[bold red]disagrees[/]"
    return f"{mark} {escape(row.name)}: {escape(row.reason or _figures(row))}"


def conclude(rows: Sequence[TruthRow], file: Path, console: Console) -> int:
    """Print how many rows agree and list those that do not; return the number of the latter."""
    wrong = [row for row in rows if not row.agrees]
    for row in wrong:
        console.print(line(row), soft_wrap=True, highlight=False)
    console.print(f"{len(rows) - len(wrong)} of {len(rows)} rows agree. Figures: {file}", soft_wrap=True)
    return len(wrong)


def _figures(row: TruthRow) -> str:
    found = row.measured
    if found is None:
        return "not measured"
    counted = (
        f"{count(found.traceback_entries_per_request)} entries, {figure(found.bytes_per_request, found.ci95)} bytes"
    )
    cyclic = f", {count(found.cyclic_objects_per_request)} objects in cycles"
    log = f", {found.log_bytes_added_per_request:,.0f} log bytes" if found.log_bytes_added_per_request else ""
    return counted + cyclic + log
