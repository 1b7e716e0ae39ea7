"""The runs of the experiment: each in a fresh process, the styles in turn, their samples in one file as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loadtest.article.figures import CONTEXTS, MB, STYLES
from loadtest.article.measured import COLUMNS, Job
from sadpath.lifeline import Child

SAMPLES, LOG = "samples.csv", "measured.log"
A_RAISE_BYTES = 8_000
"""More than a raise costs beside its context, on any Python."""

A_PROCESS_BYTES = 64_000_000
LOOK_AGAIN_S = 0.02


class CannotMeasure(Exception):  # noqa: N818 - it says what happened
    """The experiment cannot begin, or a run did not come to its end; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Plan:
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

    def raises_within(self, free: int) -> int:
        """Return how many raises fit into so much memory."""
        return max(0, free - self._needed_by_any_bytes) // (self.context_bytes + A_RAISE_BYTES)

    def jobs(self) -> list[Job]:
        """Return all runs, the styles in turn within each round, so that what disturbs the machine disturbs all."""
        return [
            Job(context, style, number, self.raises, self.context_bytes, self.needed_bytes)
            for number in range(1, self.rounds + 1)
            for context in CONTEXTS
            for style in STYLES
        ]


def check_memory(plan: Plan, free: int) -> None:
    """Check that the largest run finds its memory, since a laptop must not swap. Raises `CannotMeasure`."""
    if plan.needed_bytes > free:
        fewer = plan.raises_within(free)
        instead = f", or ask for less: --raises {fewer}" if fewer else ""
        raise CannotMeasure(
            f"{plan.raises:,} raises that each keep {plan.context_bytes:,} bytes need {plan.needed_bytes / MB:,.0f} MB,"
            f" and {free / MB:,.0f} are free; close something{instead}"
        )


def prepare(plan: Plan, written: Iterable[str]) -> None:
    """Begin the samples anew and remove what an earlier experiment has `written`, which would not belong to them.

    Raises `CannotMeasure` if the folder cannot be written to.
    """
    try:
        plan.reports.mkdir(parents=True, exist_ok=True)
        for name in (LOG, *written):
            (plan.reports / name).unlink(missing_ok=True)
        (plan.reports / SAMPLES).write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    except OSError as error:
        raise CannotMeasure(f"cannot write to {plan.reports}: {error.strerror}; name another with --reports") from error


def run_all(plan: Plan, start: Callable[[Job], Child]) -> Iterator[Job]:
    """Run one job after another, and yield each that came to its end.

    Raises `CannotMeasure` at the first that did not. Whichever way this ends, no process is left running.
    """
    for job in plan.jobs():
        child = start(job)
        try:
            while (status := child.status()) is None:
                time.sleep(LOOK_AGAIN_S)
        finally:
            child.stop()
        if status:
            raise CannotMeasure(f"{job} ended with status {status}: {child.last_line() or 'it did not say why'}")
        yield job


def start_in(reports: Path) -> Callable[[Job], Child]:
    """Return what starts a measured process that writes to the samples in `reports`, and that ends when we do."""

    def start(job: Job) -> Child:
        command = [sys.executable, "-m", "loadtest.article.measured", job.as_json(), str(reports / SAMPLES)]
        return Child(command, reports / LOG)

    return start
