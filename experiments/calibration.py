"""`make calibrate`: how often the verdict is right, on series whose growth and noise are known."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from experiments.measurement import Say, progress, run_measurement, wrong_command
from experiments.pages import render, write_page
from sadpath import __version__
from sadpath.verdict.samples import Series, judge_samples
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES, MIN_OF_A_LEAK, Outcome, Verdict

SLOPES = (0, 100, 256, 500, 2000)
LENGTHS = (9, 20, 30, 57, 300)
SERVED_BEFORE = 1_000
RATE = 200
"""Requests from one sample to the next."""

MIB = 2.0**20
LEVEL = 100 * MIB
"""Memory of the process before it grows, in bytes."""

SPREAD, BESIDE = MIB / 4, MIB / 16
"""Standard deviation of the noise, and of the white noise over a shape."""


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
        versions = {"Python": platform.python_version(), "NumPy": version("numpy"), "Sadpath": __version__}
        write_page(page_file, calibration_page(cells, versions, seed))
        console.print(f"Page: {page_file}", soft_wrap=True)

    return run_measurement("calibrate", work, console)


Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]
"""What lies over the growth of a service's memory, in bytes: one sample a second, none of it a leak."""


def white(rng: np.random.Generator, count: int) -> Floats:
    """Independent from sample to sample."""
    return rng.normal(0, SPREAD, count)


def autoregressive(kept: float) -> Noise:
    """Return noise of the first order, AR(1): each sample keeps this share of the one before."""

    def noise(rng: np.random.Generator, count: int) -> Floats:
        """As wide as the white noise, but each sample keeps so much of the one before."""
        samples = white(rng, count)
        for index in range(1, count):
            samples[index] = kept * samples[index - 1] + np.sqrt(1 - kept**2) * samples[index]
        return samples

    return noise


def sawtooth(rng: np.random.Generator, count: int) -> Floats:
    """Garbage in reference cycles, until the garbage collector frees it after 3 to 12 samples."""
    every = rng.integers(3, 13)
    return (np.arange(count) + rng.integers(0, every)) % every * SPREAD + rng.normal(0, BESIDE, count)


def warm_up(rng: np.random.Generator, count: int) -> Floats:
    """Caches of 10 MB that fill, ever more slowly, with a time constant of a tenth of the run to the whole of it."""
    share = rng.uniform(0.1, 1.0)
    return 10e6 * (1 - np.exp(-np.arange(count) / (share * count))) + rng.normal(0, BESIDE, count)


def step(rng: np.random.Generator, count: int) -> Floats:
    """A cache of 16 MiB that is filled at once, at any time."""
    return np.where(np.arange(count) >= rng.integers(1, count), 16 * MIB, 0.0) + rng.normal(0, BESIDE, count)


NOISES: Mapping[str, Noise] = {
    "White noise": white,
    "AR(1) noise, 0.7": autoregressive(0.7),
    "AR(1) noise, 0.9": autoregressive(0.9),
    "A sawtooth, as of the garbage collector": sawtooth,
    "A warm-up that saturates": warm_up,
    "A step": step,
}
"""Each by its heading on the page."""


@dataclass(frozen=True)
class Cell:
    """What was decided about some series of a noise, a length in samples, and a slope in bytes per request.

    `covered` is how many intervals held the slope, and `width` the median width of an interval, in bytes per request.
    """

    noise: str
    length: int
    slope: int
    outcomes: Mapping[Outcome, int]
    covered: int
    width: float

    @property
    def series(self) -> int:
        """How many series were judged."""
        return sum(self.outcomes.values())

    def share(self, outcome: Outcome) -> int:
        """Return how many of a hundred were called so."""
        return round(100 * self.outcomes.get(outcome, 0) / self.series)


def simulate(series: int, seed: int, say: Say) -> Iterator[Cell]:
    """Yield all cells of so many series each. The same seed makes the same series."""
    for row, name in enumerate(NOISES):
        for length in LENGTHS:
            for slope in SLOPES:
                rng = np.random.default_rng([seed, row, length, slope])
                yield cell_of(name, length, slope, [judge(NOISES[name], length, slope, rng) for _ in range(series)])
        say(name)


def judge(noise: Noise, length: int, slope: int, rng: np.random.Generator) -> Verdict:
    """Judge one series, by its memory alone."""
    requests = SERVED_BEFORE + RATE * np.arange(length, dtype=float)
    memory = LEVEL + slope * requests + noise(rng, length)
    return judge_samples([Series(requests.tolist(), memory.tolist())])


def cell_of(noise: str, length: int, slope: int, verdicts: Sequence[Verdict]) -> Cell:
    """Count what was decided."""
    intervals = [verdict.ci95 for verdict in verdicts]
    covered = sum(low <= slope <= high for low, high in intervals)
    width = float(np.median([high - low for low, high in intervals]))
    return Cell(noise, length, slope, Counter(verdict.outcome for verdict in verdicts), covered, width)


def calibration_page(cells: Sequence[Cell], versions: Mapping[str, str], seed: int) -> str:
    """Return the page as Markdown."""
    quiet = [cell for cell in cells if cell.slope in {0, 100}]
    growing = [cell for cell in cells if cell.slope > FLAT_BELOW_IN_PAGES]
    counted = {
        "total": sum(cell.series for cell in cells),
        "quiet": sum(cell.series for cell in quiet),
        "wrong_leaks": sum(cell.outcomes.get("leaks", 0) for cell in quiet),
        "growing": sum(cell.series for cell in growing),
        "wrong_flat": sum(cell.outcomes.get("flat", 0) for cell in growing),
    }
    return render(
        "calibration.md",
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        seed=seed,
        series=cells[0].series,
        threshold=f"{FLAT_BELOW_IN_PAGES:.0f}",
        fewest=MIN_OF_A_LEAK,
        sections=[(name, NOISES[name].__doc__, _lines(name, cells)) for name in NOISES],
        slopes=SLOPES,
        **{name: f"{value:,}" for name, value in counted.items()},
    )


def _lines(noise: str, cells: Sequence[Cell]) -> list[list[str]]:
    groups = ([cell for cell in cells if (cell.noise, cell.length) == (noise, length)] for length in LENGTHS)
    return list(map(_line, groups))


def _line(cells: Sequence[Cell]) -> list[str]:
    """Return the figures of one noise and length, over all slopes."""
    covered = round(100 * sum(cell.covered for cell in cells) / sum(cell.series for cell in cells))
    width = sum(cell.width for cell in cells) / len(cells)
    shares = [f"{cell.share('leaks')} / {cell.share('flat')}" for cell in cells]
    return [str(cells[0].length), *shares, str(covered), f"{width:,.0f}"]
