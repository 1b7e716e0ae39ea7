"""The whole table: which variants on which runtimes, two at a time, each row judged as it comes in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from loadtest.catalogue import Twin
from loadtest.page import Book
from loadtest.truth.judge import judge_row, told_apart
from loadtest.truth.measure import Failed, measure
from loadtest.truth.rows import Row
from loadtest.truth.service import Processes, Runtime, Stopped

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

    def row(self, **found: object) -> Row:
        """Return the row of this case, a failed one unless `found` says otherwise."""
        failed = Row(self.twin, self.variant, self.runtime.python, self.runtime.starlette, None, None, agrees=False)
        return replace(failed, **found)  # type: ignore[arg-type]


def cases(twins: Sequence[Twin], runtimes: Sequence[Runtime]) -> list[Case]:
    """Return the rows of the table, runtime after runtime."""
    return [
        Case(twin.slug, variant.slug, runtime) for runtime in runtimes for twin in twins for variant in twin.variants
    ]


def measure_table(
    twins: Sequence[Twin],
    runtimes: Sequence[Runtime],
    processes: Processes,
    book: Book[Row],
    show: Callable[[Row], None],
) -> None:
    """Measure all rows into the book. A row that fails stays a row, and the next one goes on.

    When this is left, also by an interrupt, no process runs any more.
    """
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            for runtime in runtimes:
                measure_rows(cases(twins, [runtime]), pool, processes, book, show)
                for row in unlike_their_pair(twins, runtime, book):
                    book.put(row)
                    show(row)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()


def measure_rows(
    these: Sequence[Case],
    pool: ThreadPoolExecutor,
    processes: Processes,
    book: Book[Row],
    show: Callable[[Row], None],
) -> None:
    """Measure the rows of one runtime, and put each into the book when it is there."""
    running: list[Future[Row]] = [pool.submit(measure_row, case, processes) for case in these]
    for done in as_completed(running):
        book.put(done.result())
        show(done.result())


def measure_row(case: Case, processes: Processes) -> Row:
    """Measure and judge one row; once more in a fresh process where the first reading does not decide."""
    row = case.row()
    for _ in range(ATTEMPTS):
        try:
            result = measure(case.twin, case.variant, case.runtime, processes)
        except Stopped:
            raise
        except Failed as failure:
            return case.row(reason=str(failure))
        except Exception as unexpected:  # noqa: BLE001 - whatever it is, it is this row's alone
            return case.row(reason=f"{type(unexpected).__name__}: {unexpected}")
        outcome, reason = judge_row(result.expected, result.measured)
        row = case.row(expected=result.expected, measured=result.measured, agrees=outcome == "agrees", reason=reason)
        if outcome != "too noisy":
            break
    return row


def unlike_their_pair(twins: Sequence[Twin], runtime: Runtime, book: Book[Row]) -> Iterator[Row]:
    """Yield the rows of leaky variants, no longer agreeing, that cannot be told from their fixed ones."""
    for twin in twins:
        leaky, fixed = (book.rows.get(Case(twin.slug, slug, runtime).row().name) for slug in (twin.leaky, twin.fixed))
        if not (leaky and fixed and leaky.measured and fixed.measured and leaky.expected and fixed.expected):
            continue  # one of them has a reason of its own
        if reason := told_apart(leaky.expected, leaky.measured, fixed.expected, fixed.measured):
            yield replace(leaky, agrees=False, reason="; ".join(filter(None, [leaky.reason, reason])))
