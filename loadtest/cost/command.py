"""`make cost`: what a request costs against the requests already served, with a reused error and with fresh ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.cost.curve import measure
from loadtest.cost.picture import picture
from loadtest.cost.statistics import CostRow, Ratio, summarise
from loadtest.cost.terminal_tables import line, ratio_table, table
from loadtest.cost.windows import CHECKPOINTS, FEWEST, Window, check_memory, up_to, windows
from loadtest.measure.book import write_whole
from loadtest.measure.machine import describe_machine, free_bytes
from loadtest.measure.running import Say, progress, run_measurement, wrong_command
from sadpath.watch.run import versions_in_words


@dataclass
class CostReport:
    """What was measured so far: on disk after each checkpoint, and a picture of it at the end."""

    folder: Path
    environment: dict[str, object]
    rows: list[CostRow] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)

    @property
    def page(self) -> Path:
        """The file of figures."""
        return self.folder / "cost.json"

    @property
    def picture(self) -> Path:
        """The picture for a slide."""
        return self.folder / "cost.png"

    def put(self, rows: Sequence[CostRow], ratios: Sequence[Ratio]) -> None:
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


def cost(
    *,
    upto: Annotated[int, typer.Option(min=FEWEST, help="Last checkpoint, in requests already served.")] = 50_000,
    checkpoints: Annotated[
        str | None, typer.Option(help=f"Others than {','.join(map(str, CHECKPOINTS))}, separated by commas.")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Folder for cost.json and cost.png.")] = Path("reports"),
) -> int:
    """Measure what a request costs after many.

    CPU time and latency, with a reused error and with new ones.

    Two copies of the service answer the same requests in turn, slice by slice, so that a neighbour on the machine hits
    both. A checkpoint N is measured from 0.8 N to 1.25 N requests served, and over at least 1,000. Python collects its
    whole heap when it has grown by a quarter, so a window has one or two such collections: the mean CPU time includes
    them, and its interval is as wide as their number is uncertain. The figure between collections is that of the median
    slice, which no long collection falls into.

    Eight clients wait while the service is paused in GC, so a pause delays eight requests and hardly moves the p99. The
    maximum latency shows how long a pause is; `paused` is the share of time, and so how often a client that comes at
    any moment has to wait. The maximum is one observation, without an interval.

    A ratio whose interval contains 1 is inconclusive; the intervals describe this run, not the next. Takes about
    two minutes and 1.5 GB for 50,000 requests; the figures are written after each checkpoint. Exit status: 0 it
    was measured, 2 the command is wrong, or too little memory, 4 something did not start, or died, 130 interrupted.
    """
    plan = windows(_numbers(checkpoints) if checkpoints else up_to(upto))
    check_memory(plan, free_bytes())
    report, console = CostReport(reports, describe_machine()), Console()

    def work(folder: Path) -> None:
        report.write()
        curve(plan, folder, report, progress(console))

    status = run_measurement("cost", work, console)
    if report.rows:
        conclude(report, console)
    return status


def curve(plan: Sequence[Window], folder: Path, report: CostReport, say: Say) -> None:
    """Measure all windows, and put each into the report as it ends."""
    for window, measured in measure(plan, folder, say):
        report.put(*summarise(window, measured))
        say("; ".join(map(line, report.rows[-2:])))


def conclude(report: CostReport, console: Console) -> None:
    """Show the figures and where they are."""
    report.draw()
    console.print(table(report.rows))
    console.print(ratio_table(report.ratios))
    console.print(f"Figures: {report.page}\nPicture for a slide: {report.picture}", soft_wrap=True)


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise wrong_command(
            f"expected numbers separated by commas for --checkpoints, got {text!r}; try --checkpoints 1000,10000"
        ) from None
