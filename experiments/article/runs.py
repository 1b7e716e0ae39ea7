"""The runs of the experiment, each in a fresh process, the styles in turn; and the figures of their samples.

A megabyte is a million bytes.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import cast

from experiments.article.raising import COLUMNS, Job, RaiseSample
from experiments.article.styles import CONTEXTS, STYLES, Context, Style
from loadtest.server import run_to_its_end
from sadpath.errors import CommandError

MB = 1e6
SAMPLES, LOG = "samples.csv", "measured.log"
COMPARISON = "article_comparison.png"
PICTURE_OF = {style: f"article_{style}_memory.png" for style in STYLES}
A_RAISE_BYTES = 8_000
"""More than a raise costs besides its context, on any Python."""

A_PROCESS_BYTES = 64_000_000


ARTICLE_RAISES = 1000


@dataclass(frozen=True)
class Article:
    """What the article reports of one style."""

    growth_mb: float | None
    mb_per_s: float

    @property
    def bytes_per_raise(self) -> float | None:
        """The growth over its raises."""
        return None if self.growth_mb is None else self.growth_mb * MB / ARTICLE_RAISES


ARTICLE: dict[Style, Article] = {"singleton": Article(1.44, 8.543), "factory": Article(None, 0.000)}


@dataclass(frozen=True)
class Experiment:
    """What was asked for."""

    raises: int
    context_bytes: int
    rounds: int
    reports: Path

    @property
    def needed_bytes(self) -> int:
        """The memory that the largest run takes. A process that takes more has gone wrong, and ends itself."""
        return self._needed_by_any_bytes + self.raises * (self.context_bytes + A_RAISE_BYTES)

    @property
    def _needed_by_any_bytes(self) -> int:
        return A_PROCESS_BYTES + 2 * self.context_bytes

    def check_memory(self, free: int) -> None:
        """Check that the memory for the largest run is free, since a laptop must not swap. Raises `CommandError`."""
        if self.needed_bytes <= free:
            return
        fewer = max(0, free - self._needed_by_any_bytes) // (self.context_bytes + A_RAISE_BYTES)
        instead = f", or ask for less: --raises {fewer}" if fewer else ""
        raise CommandError(
            f"{self.raises:,} raises that each retain {self.context_bytes:,} bytes need "
            f"{self.needed_bytes / MB:,.0f} MB, and {free / MB:,.0f} are free; close something{instead}"
        )

    def prepare(self, written: Iterable[str]) -> None:
        """Begin the samples anew and remove what an earlier experiment has `written`.

        Raises `CommandError` if the folder cannot be written to.
        """
        try:
            self.reports.mkdir(parents=True, exist_ok=True)
            for name in (LOG, *written):
                (self.reports / name).unlink(missing_ok=True)
            (self.reports / SAMPLES).write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
        except OSError as error:
            where = f"cannot write to {self.reports}: {error.strerror}"
            raise CommandError(f"{where}; name another with --reports") from error

    def jobs(self) -> list[Job]:
        """Return all runs, the styles in turn within each round, so that what disturbs the machine disturbs all."""
        return [
            Job(context, style, number, self.raises, self.context_bytes, self.needed_bytes)
            for number in range(1, self.rounds + 1)
            for context in CONTEXTS
            for style in STYLES
        ]

    def run(self) -> Iterator[Job]:
        """Run one job after another, and yield each that came to its end.

        Raises `CommandError` at the first that did not. Whichever way this ends, no process is left running.
        """
        for job in self.jobs():
            run_job(job, self.reports)
            yield job


def run_job(job: Job, reports: Path) -> None:
    """Run one job in a process that writes to the samples in `reports`. Raises `CommandError` if it fails."""
    command = [sys.executable, "-m", "experiments.article.raising", job.as_json(), str(reports / SAMPLES)]
    status, last_line = run_to_its_end(command, reports / LOG)
    if status:
        raise CommandError(f"{job} ended with status {status}: {last_line}")


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


def read_runs(path: Path) -> list[StyleRun]:
    """Read the samples that are on disk, of runs that were killed as well; a line cut short is left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["memory_bytes"]]
    return [
        StyleRun(cast("Context", context), cast("Style", style), int(number), list(map(_sample, ours)))
        for (context, style, number), ours in groupby(rows, lambda row: (row["context"], row["style"], row["round"]))
    ]


def _sample(row: dict[str, str]) -> RaiseSample:
    return RaiseSample(int(row["raises"]), float(row["elapsed_s"]), int(row["memory_bytes"]))


def complete(runs: Iterable[StyleRun], raises: int) -> list[StyleRun]:
    """Return the runs that came to their end: the others stay in the samples, and out of the figures."""
    return [run for run in runs if run.raises == raises]


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

    @classmethod
    def of(cls, runs: Sequence[StyleRun]) -> StyleFigures:
        """Summarise complete runs of one style in one context."""
        ends = [run.grown[-1] for run in runs]
        growth = Spread.of([grown / MB for _, grown in ends])
        each = Spread.of([grown / sample.raises for sample, grown in ends])
        return cls(len(runs), growth, each, Spread.of([grown / MB / sample.elapsed_s for sample, grown in ends]))


Results = dict[tuple[Context, Style], StyleFigures]


def results(runs: Sequence[StyleRun]) -> Results:
    """Return the figures of each style in each context of which there is a complete run."""
    cells = ((context, style) for context in CONTEXTS for style in STYLES)
    ours = {cell: [run for run in runs if (run.context, run.style) == cell] for cell in cells}
    return {cell: StyleFigures.of(of_cell) for cell, of_cell in ours.items() if of_cell}
