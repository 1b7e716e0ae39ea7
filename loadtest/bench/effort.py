"""How much is measured: all of it takes about eight minutes on two cores, the quick look a minute and a half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loadtest.bench.ratios import BenchRow, Goal

ENTRIES = 1_000_000
"""Traceback entries that the rows about many retained entries use."""


@dataclass(frozen=True)
class Effort:
    """The number of rounds of each measurement. Requests are those of one round; seconds those of one run of Locust.

    The servers are started anew for each generation, because where a process happens to lie in memory changes its speed
    by some percent, and that is no property of what is measured.
    """

    generations: int
    rounds: int
    requests: int
    scrapes: int
    censuses: int
    locust_runs: int
    locust_seconds: int


FULL = Effort(generations=6, rounds=2, requests=3000, scrapes=40, censuses=5, locust_runs=5, locust_seconds=5)
QUICK = Effort(generations=1, rounds=2, requests=1200, scrapes=15, censuses=2, locust_runs=1, locust_seconds=3)


@dataclass(frozen=True)
class Bench:
    """What a measurement is given: how much to do, a folder that is removed afterwards, where to report progress.

    `wanted` names the rows to measure; a measurement leaves out what only others need.
    """

    effort: Effort
    folder: Path
    wanted: frozenset[str]
    say: Callable[[str], None]


@dataclass(frozen=True)
class Measurement:
    """Something that is measured in one go: the rows that come of it, with what they compare and their goals."""

    rows: dict[str, tuple[str, Goal | None]]
    measure: Callable[[Bench], Iterator[BenchRow]]
