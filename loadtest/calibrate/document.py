"""The page for people, `docs/calibration.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadtest.calibrate.noises import NOISES
from loadtest.calibrate.simulation import LENGTHS, SLOPES, Cell
from loadtest.truth.wording import table
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES, MIN_OF_A_LEAK, Outcome

HEADINGS = ("samples", *(f"{slope:,} B" for slope in SLOPES), "CI holds the slope", "width of the CI")

INTRODUCTION = """\
# How often the verdict is right

Series of memory whose growth is known are simulated, and judged by their memory alone, without a count of traceback
entries. `make calibrate` does it and writes this page.

Made with {versions}; seed {seed}; {series} series for each figure of a table, {total:,} in all.

- A series has one sample a second, at 200 requests per second. The columns are its growth in bytes per request (B).
- A figure such as 12 / 80 means: of 100 series, 12 were called *leaks* and 80 *flat*. The others were *inconclusive*.
- {threshold:.0f} bytes per request is the threshold between flat and leaks. There, *inconclusive* is the right answer.
- With fewer than {fewest} samples memory alone never convicts.
- *CI holds the slope* is in how many of 100 series the 95% CI held the true growth, over all columns. A warm-up and
  a step are no noise about a line, and their CI is not expected to. *Width of the CI* is the median, in bytes.

Of {quiet:,} series that grow by 0 or 100 bytes per request, {wrong_leaks:,} were called *leaks*.
Of {growing:,} series that grow by 500 or 2,000, {wrong_flat:,} were called *flat*.
"""


def page(cells: Sequence[Cell], versions: Mapping[str, str], seed: int) -> str:
    """Return the page as Markdown."""
    quiet = [cell for cell in cells if cell.slope in {0, 100}]
    growing = [cell for cell in cells if cell.slope > FLAT_BELOW_IN_PAGES]
    introduction = INTRODUCTION.format(
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        seed=seed,
        series=cells[0].series,
        total=_series(cells),
        threshold=FLAT_BELOW_IN_PAGES,
        fewest=MIN_OF_A_LEAK,
        quiet=_series(quiet),
        wrong_leaks=_called(quiet, "leaks"),
        growing=_series(growing),
        wrong_flat=_called(growing, "flat"),
    )
    return "\n".join([introduction, *(_section(name, cells) for name in NOISES)])


def _section(noise: str, cells: Sequence[Cell]) -> str:
    ours = [cell for cell in cells if cell.noise == noise]
    lines = [_line(length, [cell for cell in ours if cell.length == length]) for length in LENGTHS]
    return f"## {noise}\n\n{NOISES[noise].__doc__}\n\n{table(HEADINGS, lines, figures_from=0)}\n"


def _line(length: int, cells: Sequence[Cell]) -> list[str]:
    """Return the figures of one noise and length, over all slopes."""
    covered = sum(cell.covered for cell in cells)
    width = sum(cell.width for cell in cells) / len(cells)
    shares = [f"{_share(cell, 'leaks')} / {_share(cell, 'flat')}" for cell in cells]
    return [str(length), *shares, str(round(100 * covered / _series(cells))), f"{width:,.0f}"]


def _share(cell: Cell, outcome: Outcome) -> int:
    return round(100 * cell.outcomes.get(outcome, 0) / cell.series)


def _series(cells: Sequence[Cell]) -> int:
    return sum(cell.series for cell in cells)


def _called(cells: Sequence[Cell], outcome: Outcome) -> int:
    return sum(cell.outcomes.get(outcome, 0) for cell in cells)
