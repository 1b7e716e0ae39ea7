"""From samples to figures: growth, bytes retained per raise, megabytes a second. A megabyte is a million bytes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import cast

from loadtest.article.raising import RaiseSample
from loadtest.article.styles import Context, Style

CONTEXTS: tuple[Context, ...] = ("held", "bare")
STYLES: tuple[Style, ...] = ("singleton", "factory")
MB = 1e6


@dataclass(frozen=True)
class StyleRun:
    """The samples of one process. The last sample before any raise is where growth starts."""

    context: Context
    style: Style
    round: int
    samples: Sequence[RaiseSample]

    @property
    def raises(self) -> int:
        """How far it came."""
        return self.samples[-1].raises

    @property
    def grown(self) -> list[tuple[RaiseSample, int]]:
        """Each sample with the bytes by which memory had grown."""
        before = [sample for sample in self.samples if sample.raises == 0]
        rest = self.samples[len(before) :]
        return [(sample, sample.memory_bytes - before[-1].memory_bytes) for sample in (before[-1], *rest)]


@dataclass(frozen=True)
class Spread:
    """The median of the runs, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise one value or more."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class StyleFigures:
    """What one style did in one context, over `runs` fresh processes."""

    runs: int
    growth_mb: Spread
    bytes_per_raise: Spread
    mb_per_s: Spread


Results = dict[tuple[Context, Style], StyleFigures]


@dataclass(frozen=True)
class Article:
    """What the article reports of one style."""

    growth_mb: float | None
    mb_per_s: float

    @property
    def bytes_per_raise(self) -> float | None:
        """The growth over its raises."""
        return None if self.growth_mb is None else self.growth_mb * MB / ARTICLE_RAISES


ARTICLE_RAISES = 1000
ARTICLE: dict[Style, Article] = {"singleton": Article(1.44, 8.543), "factory": Article(None, 0.000)}


def read_runs(path: Path) -> list[StyleRun]:
    """Read the samples that are on disk, of runs that were killed as well; a line cut short is left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["memory_bytes"]]
    groups = groupby(rows, lambda row: (row["context"], row["style"], row["round"]))
    return [
        _run(cast("Context", context), cast("Style", style), number, ours) for (context, style, number), ours in groups
    ]


def _run(context: Context, style: Style, number: str, rows: Iterable[dict[str, str]]) -> StyleRun:
    samples = [RaiseSample(int(row["raises"]), float(row["elapsed_s"]), int(row["memory_bytes"])) for row in rows]
    return StyleRun(context, style, int(number), samples)


def complete(runs: Iterable[StyleRun], raises: int) -> list[StyleRun]:
    """Return the runs that came to their end: the others stay in the samples, and out of the figures."""
    return [run for run in runs if run.raises == raises]


def results(runs: Sequence[StyleRun]) -> Results:
    """Return the figures of each style in each context of which there is a complete run."""
    cells = ((context, style) for context in CONTEXTS for style in STYLES)
    ours = {cell: [run for run in runs if (run.context, run.style) == cell] for cell in cells}
    return {cell: figures(of_cell) for cell, of_cell in ours.items() if of_cell}


def figures(runs: Sequence[StyleRun]) -> StyleFigures:
    """Summarise complete runs of one style in one context."""
    ends = [run.grown[-1] for run in runs]
    return StyleFigures(
        len(runs),
        Spread.of([grown / MB for _, grown in ends]),
        Spread.of([grown / sample.raises for sample, grown in ends]),
        Spread.of([grown / MB / sample.elapsed_s for sample, grown in ends]),
    )
