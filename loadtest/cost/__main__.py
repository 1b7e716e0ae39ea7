"""Measure what a request costs against the requests already served, with a reused error and with fresh ones.

python -m loadtest.cost --upto 10000
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.arms import DidNotStart
from loadtest.bench.rounds import RoundFailed
from loadtest.cost.curve import Say, measure
from loadtest.cost.figures import Ratio, Row, summarise
from loadtest.cost.picture import picture
from loadtest.cost.plan import CHECKPOINTS, FEWEST, TooMuch, Window, check_memory, up_to, windows
from loadtest.cost.tables import line, ratio_table, table
from loadtest.demo import interrupt_once
from loadtest.free_memory import free_bytes
from loadtest.page import write_whole
from loadtest.progress import progress
from sadpath.plugins.prometheus import environment
from sadpath.verdict.conditions import versions_in_words

WRONG, FAILED, INTERRUPTED = 2, 4, 128 + signal.SIGINT


@dataclass
class Report:
    """What was measured so far: on disk after each checkpoint, and a picture of it at the end."""

    folder: Path
    environment: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)

    @property
    def page(self) -> Path:
        """The file of figures."""
        return self.folder / "cost.json"

    @property
    def picture(self) -> Path:
        """The picture for a slide."""
        return self.folder / "cost.png"

    def put(self, rows: Sequence[Row], ratios: Sequence[Ratio]) -> None:
        """Add a checkpoint, and write the figures."""
        self.rows += rows
        self.ratios += ratios
        self.write()

    def write(self) -> None:
        """Write the figures: those of this run, and of no other. An earlier picture would show other ones."""
        pages = {"rows": [row.as_json() for row in self.rows], "ratios": [one.as_json() for one in self.ratios]}
        write_whole(self.page, {"environment": self.environment, **pages})
        self.picture.unlink(missing_ok=True)

    def draw(self) -> None:
        """Draw the picture."""
        self.picture.write_bytes(picture(self.rows, self.ratios, versions_in_words(self.environment)))


def main(
    *,
    upto: Annotated[int, typer.Option(min=FEWEST, help="the last checkpoint, in requests already served")] = 50_000,
    checkpoints: Annotated[
        str | None, typer.Option(help=f"other ones than {','.join(map(str, CHECKPOINTS))}, with commas between")
    ] = None,
    reports: Annotated[Path, typer.Option(help="the folder that cost.json and cost.png go to")] = Path("reports"),
) -> None:
    """Measure what a request costs once many were served: processor time and response time, reused against factory.

    Two copies of the service answer the same requests in turn, slice by slice, so that a neighbour on the machine hits
    both. A checkpoint N is measured from 0.8 N to 1.25 N requests served, and over 1,000 at least. Python collects its
    whole heap when that has grown by a quarter, so a window sees one or two such collections: the mean processor time
    has them in it, and its interval is as wide as their number is uncertain. The figure between collections is that of
    the median slice, which they do not fall into.

    What a window does not see: eight clients wait while the service stands still, so a pause delays eight requests and
    hardly moves the p99. The longest response tells how long it stands still, `stopped` for which share of its time: so
    often would a client that comes at any moment find it stopped. The longest is one observation, without an interval.

    A ratio whose interval holds 1 is inconclusive; the intervals speak of this run, not of the next. Takes about a
    minute and a half and 1.5 GB for 50,000 requests, longer on a busy machine; the figures are on disk after each
    checkpoint. Exit status: 0 it was measured · 2 the command is wrong, or there is too little memory · 4 something did
    not start, or died · 130 it was interrupted.
    """
    try:
        plan = windows(_numbers(checkpoints) if checkpoints else up_to(upto))
        check_memory(plan, free_bytes())
    except TooMuch as reason:
        raise typer.Exit(_say_why(reason, WRONG)) from None
    raise typer.Exit(run(plan, Report(reports, describe_machine()), Console()))


def run(plan: Sequence[Window], report: Report, console: Console) -> int:
    """Measure, leave the report of what was measured, and return the exit status."""
    status = 0
    try:
        with interrupt_once(), tempfile.TemporaryDirectory(prefix="sadpath-cost-") as folder:
            report.write()
            curve(plan, Path(folder), report, progress(console))
    except KeyboardInterrupt:
        console.print("Stopped; what was measured is below.")
        status = INTERRUPTED
    except (DidNotStart, RoundFailed, OSError) as reason:
        status = _say_why(reason, FAILED)
    if report.rows:
        conclude(report, console)
    return status


def curve(plan: Sequence[Window], folder: Path, report: Report, say: Say) -> None:
    """Measure all windows, and put each into the report as it ends."""
    for window, measured in measure(plan, folder, say):
        report.put(*summarise(window, measured))
        say("; ".join(map(line, report.rows[-2:])))


def conclude(report: Report, console: Console) -> None:
    """Show the figures and where they are."""
    report.draw()
    console.print(table(report.rows))
    console.print(ratio_table(report.ratios))
    console.print(f"The figures: {report.page}\nA picture for a slide: {report.picture}", soft_wrap=True)


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise TooMuch(
            f"--checkpoints {text} are no numbers with commas between; try --checkpoints 1000,10000"
        ) from None


def _say_why(reason: Exception, status: int) -> int:
    sys.stderr.write(f"cost: {reason}\n")
    return status


def describe_machine() -> dict[str, object]:
    """Return the versions and the machine that the figures depend on."""
    return {**environment(), "locust": version("locust"), "cpus": os.cpu_count()}


if __name__ == "__main__":
    typer.run(main)
