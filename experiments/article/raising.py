"""The measured process: raises in one style, and writes its memory to the samples as it goes.

Run by the experiment, in a process of its own for each run: memory that one style freed must not serve another. It ends
itself with status 137 at its memory limit.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from experiments.article.styles import FIND, Context, Style, answer
from sadpath.lifeline import KILLED
from sadpath.probe.memory import settle

COLUMNS = ("context", "style", "round", "raises", "elapsed_s", "memory_bytes")
SAMPLES = 50
WARM_UP_RAISES = 20
WARM_UP_READINGS = 3


@dataclass(frozen=True)
class Job:
    """One run: this many raises in one style. `memory_limit_bytes` is the memory at which the process ends itself."""

    context: Context
    style: Style
    round: int
    raises: int
    context_bytes: int
    memory_limit_bytes: int

    def __str__(self) -> str:
        return f"{self.context:4} {self.style:9} round {self.round}"

    def as_json(self) -> str:
        """Return the job as an argument of a command."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class RaiseSample:
    """Settled memory after so many raises. `elapsed_s` is the time spent raising; the clock stops for each reading."""

    raises: int
    elapsed_s: float
    memory_bytes: int


def measure(job: Job, read_memory: Callable[[], int]) -> Iterator[RaiseSample]:
    """Raise and yield samples: some before any raise, of which the last is where growth starts, and then the others.

    Raises `MemoryError` after the sample that shows it.
    """
    yield from warm_up(job, read_memory)
    find, elapsed_s, done = FIND[job.style], 0.0, 0
    for target in sample_points(job.raises):
        began = time.perf_counter()
        for _ in range(target - done):
            answer(find, job.context, job.context_bytes)
        elapsed_s += time.perf_counter() - began
        done, memory = target, read_memory()
        yield RaiseSample(done, elapsed_s, memory)
        if memory > job.memory_limit_bytes:
            raise MemoryError(f"{memory / 1e6:,.0f} MB after {done:,} raises")


def warm_up(job: Job, read_memory: Callable[[], int]) -> Iterator[RaiseSample]:
    """Do once what costs memory only the first time: the calls, in the style that retains nothing, and readings."""
    for _ in range(WARM_UP_RAISES):
        answer(FIND["factory"], job.context, job.context_bytes)
    for _ in range(WARM_UP_READINGS):
        yield RaiseSample(0, 0.0, read_memory())


def sample_points(raises: int) -> list[int]:
    """Return the numbers of raises after which memory is read: evenly, at most `SAMPLES` times, the last included."""
    return sorted({-(-raises * number // SAMPLES) for number in range(1, SAMPLES + 1)})


def settled_bytes() -> int:
    """Return what this process holds after a full collection, in bytes: exact where the allocators report it.

    Without `/proc` psutil's unique set size stands for the pages.
    """
    left = settle()
    known = left.anonymous if left.in_use is None else left.in_use
    return int(psutil.Process().memory_full_info().uss) if known is None else known


def main() -> None:
    """Run the job that the command line describes, and append its samples to the file that it names."""
    job, path = Job(**json.loads(sys.argv[1])), Path(sys.argv[2])
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        try:
            for sample in measure(job, settled_bytes):
                figures = (sample.raises, f"{sample.elapsed_s:.9f}", sample.memory_bytes)
                rows.writerow((job.context, job.style, job.round, *figures))
                file.flush()  # a killed run leaves what it measured
        except MemoryError as reached:
            sys.stderr.write(f"over the memory limit of {job.memory_limit_bytes / 1e6:,.0f} MB: {reached}\n")
            sys.exit(KILLED)


if __name__ == "__main__":
    main()
