"""The runs of the experiment: each in a fresh process, the styles in turn, their samples in one file as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loadtest.article.raising import COLUMNS, Job
from loadtest.article.style_figures import CONTEXTS, MB, STYLES
from loadtest.server import run_to_its_end
from sadpath.errors import CommandError

SAMPLES, LOG = "samples.csv", "measured.log"
A_RAISE_BYTES = 8_000
"""More than a raise costs besides its context, on any Python."""

A_PROCESS_BYTES = 64_000_000


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


def check_memory(plan: Experiment, free: int) -> None:
    """Check that the memory for the largest run is free, since a laptop must not swap. Raises `CommandError`."""
    if plan.needed_bytes > free:
        fewer = plan.raises_within(free)
        instead = f", or ask for less: --raises {fewer}" if fewer else ""
        raise CommandError(
            f"{plan.raises:,} raises that each retain {plan.context_bytes:,} bytes need "
            f"{plan.needed_bytes / MB:,.0f} MB, and {free / MB:,.0f} are free; close something{instead}"
        )


def prepare(plan: Experiment, written: Iterable[str]) -> None:
    """Begin the samples anew and remove what an earlier experiment has `written`.

    Raises `CommandError` if the folder cannot be written to.
    """
    try:
        plan.reports.mkdir(parents=True, exist_ok=True)
        for name in (LOG, *written):
            (plan.reports / name).unlink(missing_ok=True)
        (plan.reports / SAMPLES).write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write to {plan.reports}: {error.strerror}; name another with --reports") from error


def run_all(plan: Experiment) -> Iterator[Job]:
    """Run one job after another, and yield each that came to its end.

    Raises `CommandError` at the first that did not. Whichever way this ends, no process is left running.
    """
    for job in plan.jobs():
        run_job(job, plan.reports)
        yield job


def run_job(job: Job, reports: Path) -> None:
    """Run one job in a process that writes to the samples in `reports`. Raises `CommandError` if it fails."""
    command = [sys.executable, "-m", "loadtest.article.raising", job.as_json(), str(reports / SAMPLES)]
    status, last_line = run_to_its_end(command, reports / LOG)
    if status:
        raise CommandError(f"{job} ended with status {status}: {last_line}")
