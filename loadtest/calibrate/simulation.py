"""Judge series whose growth is known, and count the verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from loadtest.calibrate.noises import NOISES, Noise
from sadpath.verdict.samples import Series, judge_samples
from sadpath.verdict.verdict import Outcome, Verdict

SLOPES = (0, 100, 256, 500, 2000)
LENGTHS = (9, 20, 30, 57, 300)
SERVED_BEFORE = 1_000
RATE = 200
"""Requests from one sample to the next."""

LEVEL = 100 * 2.0**20
"""Memory of the process before it grows, in bytes."""

Say = Callable[[str], None]


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


def simulate(series: int, seed: int, say: Say) -> Iterator[Cell]:
    """Yield all cells of so many series each. The same seed makes the same series."""
    for row, name in enumerate(NOISES):
        for length in LENGTHS:
            for slope in SLOPES:
                rng = np.random.default_rng([seed, row, length, slope])
                yield cell_of(name, length, slope, [one(NOISES[name], length, slope, rng) for _ in range(series)])
        say(name)


def one(noise: Noise, length: int, slope: int, rng: np.random.Generator) -> Verdict:
    """Judge one series, by its memory alone."""
    requests = SERVED_BEFORE + RATE * np.arange(length, dtype=float)
    memory = LEVEL + slope * requests + noise(rng, length)
    return judge_samples([Series(requests.tolist(), memory.tolist())])


def cell_of(noise: str, length: int, slope: int, verdicts: list[Verdict]) -> Cell:
    """Count what was decided."""
    intervals = [verdict.ci95 for verdict in verdicts]
    covered = sum(low <= slope <= high for low, high in intervals)
    width = float(np.median([high - low for low, high in intervals]))
    return Cell(noise, length, slope, Counter(verdict.outcome for verdict in verdicts), covered, width)
