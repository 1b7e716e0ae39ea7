"""The whole table: which variants on which runtimes, two at a time, each row judged as it comes in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from loadtest.catalogue import Twin
from loadtest.measure.book import Book
from loadtest.server import Pool
from loadtest.truth.agreement import judge_row, told_apart
from loadtest.truth.environments import Runtime
from loadtest.truth.row import TruthRow
from loadtest.truth.variant_rounds import measure
from sadpath.errors import CommandError

AT_A_TIME = max(1, min(os.cpu_count() or 1, 4))
"""Counts and settled memory do not depend on how fast the machine is, so processes may share it."""

ATTEMPTS = 2
"""How often a variant is measured, in a fresh process each time, when the first reading is too noisy."""


@dataclass(frozen=True)
class Case:
    """One row that is to be measured."""

    twin: str
    variant: str
    runtime: Runtime

    def row(self, **found: object) -> TruthRow:
        """Return the row of this case, a failed one without `found`."""
        failed = TruthRow(
            self.twin, self.variant, self.runtime.python, self.runtime.starlette, None, None, agrees=False
        )
        return replace(failed, **found)  # type: ignore[arg-type]


def cases(twins: Sequence[Twin], runtimes: Sequence[Runtime]) -> list[Case]:
    """Return the rows of the table, runtime after runtime."""
    return [
        Case(twin.slug, variant.slug, runtime) for runtime in runtimes for twin in twins for variant in twin.variants
    ]


@dataclass(frozen=True)
class TruthTable:
    """The table while it is measured: its rows go into the book and are shown as they come.

    `folder` is for the logs of the measured processes.
    """

    twins: Sequence[Twin]
    book: Book[TruthRow]
    pool: Pool
    folder: Path
    show: Callable[[TruthRow], None]

    def measure(self, runtimes: Sequence[Runtime]) -> None:
        """Measure all rows. A row that fails stays a row, and the next one goes on.

        When this is left, also by an interrupt, no process runs any more.
        """
        with ThreadPoolExecutor(AT_A_TIME) as workers:
            try:
                for runtime in runtimes:
                    these = cases(self.twins, [runtime])
                    running: list[Future[TruthRow]] = [workers.submit(self.measure_row, case) for case in these]
                    for done in as_completed(running):
                        self._put(done.result())
                    for row in unlike_their_pair(self.twins, runtime, self.book):
                        self._put(row)
            finally:
                workers.shutdown(wait=False, cancel_futures=True)
                self.pool.stop()

    def measure_row(self, case: Case) -> TruthRow:
        """Measure and judge one row; once more in a fresh process where the first reading does not decide."""
        row = case.row()
        for _ in range(ATTEMPTS):
            try:
                expected, measured = measure(case.twin, case.variant, case.runtime, self.pool, self.folder)
            except CancelledError:
                raise
            except CommandError as failure:
                return case.row(reason=str(failure))
            except Exception as unexpected:  # noqa: BLE001 - whatever it is, it is this row's alone
                return case.row(reason=f"{type(unexpected).__name__}: {unexpected}")
            agreement, reason = judge_row(expected, measured)
            row = case.row(expected=expected, measured=measured, agrees=agreement == "agrees", reason=reason)
            if agreement != "too noisy":
                break
        return row

    def _put(self, row: TruthRow) -> None:
        self.book.put(row)
        self.show(row)


def unlike_their_pair(twins: Sequence[Twin], runtime: Runtime, book: Book[TruthRow]) -> Iterator[TruthRow]:
    """Yield the rows of leaky variants, no longer agreeing, that cannot be distinguished from their fixed ones."""
    for twin in twins:
        leaky, fixed = (book.rows.get(Case(twin.slug, slug, runtime).row().name) for slug in (twin.leaky, twin.fixed))
        if not (leaky and fixed and leaky.measured and fixed.measured and leaky.expected and fixed.expected):
            continue  # one of them has a reason of its own
        if reason := told_apart(leaky.expected, leaky.measured, fixed.expected, fixed.measured):
            yield replace(leaky, agrees=False, reason="; ".join(filter(None, [leaky.reason, reason])))
