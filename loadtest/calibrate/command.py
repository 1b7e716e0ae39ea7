"""`make calibrate`: how often the verdict is right."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.calibrate.document import page
from loadtest.calibrate.simulation import simulate
from loadtest.measure.running import progress, run_measurement, wrong_command
from sadpath import __version__


def calibrate(
    *,
    series: Annotated[int, typer.Option(min=1, help="Series for each noise, length and slope.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Makes the series; the same seed makes the same page.")] = 1,
    page_file: Annotated[Path, typer.Option("--page", help="The page to write.")] = Path("docs/calibration.md"),
) -> int:
    """Measure how often the verdict is right.

    Series of memory whose growth and noise are known are judged, and the verdicts counted. Takes about five minutes of
    one core, and no service runs. Exit status: 0 the page was written, 2 the command is wrong, 4 it could not be
    written, 130 interrupted, and the page is as it was.
    """
    if not page_file.parent.is_dir():
        raise wrong_command(f"no folder {page_file.parent}; name a page in one that exists: --page calibration.md")
    console = Console()

    def work(_: Path) -> None:
        cells = list(simulate(series, seed, progress(console)))
        page_file.write_text(page(cells, _versions(), seed), encoding="utf-8")
        console.print(f"Page: {page_file}", soft_wrap=True)

    return run_measurement("calibrate", work, console)


def _versions() -> dict[str, str]:
    return {"Python": platform.python_version(), "NumPy": version("numpy"), "Sadpath": __version__}
