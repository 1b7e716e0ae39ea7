"""Which error path is measured next, until all are decided or the budget ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sadpath.check.measure.distinct import distinct
from sadpath.check.measure.rounds import Calmed, Disturbed, Look, Sender, Settle, identical, visit
from sadpath.check.result import ErrorPath
from sadpath.verdict.verdict import Verdict

WARM_UP_REQUESTS = 450
"""Requests of a cold server, over all paths, until its memory is steady (measured with Flask and Django)."""

WARM_UP_S, WARM_UP_SHARE = 10.0, 0.2
"""Seconds, and the share of the budget, after which a slow server counts as warm."""

WARM_UP_AT_ONCE = 25
"""Requests after which the memory of the service is looked at: it may leak fast."""

FIRST_ROUNDS = 4
"""Rounds of the first visit: enough for all but memory that grows with no exception to blame, or is noisy."""

LATER_ROUNDS = 6


@dataclass(frozen=True)
class Pace:
    """How long all may take, in seconds, and from which growth on a path leaks, in bytes per request."""

    budget_s: float
    flat_below: float


class Schedule:
    """The looks at all error paths. Each is visited once, the undecided again and again; then those that are flat get
    distinct inputs.
    """

    def __init__(self, paths: Sequence[ErrorPath], pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self.looks = [Look(path, identical(path), pace.flat_below) for path in paths]
        others = [(path, requests) for path in paths if (requests := distinct(path))]
        self.distinct_looks = [Look(path, requests, pace.flat_below, distinct=True) for path, requests in others]
        self._clock = clock
        self._until = clock() + pace.budget_s

    @property
    def seconds_left(self) -> float:
        """What is left of the budget."""
        return max(self._until - self._clock(), 0.0)

    def run(self, sender: Sender, settle: Settle) -> Iterator[Look]:
        """Measure; yields a look before its first round and after each. What ends it early leaves what was measured."""
        warm_up(sender, [look.path for look in self.looks], self.seconds_left)
        settle = Calmed(settle)
        yield from self._decide(self.looks, sender, settle)
        flat = [look.path for look in self.looks if look.verdict.outcome == "flat" and not look.trouble]
        others = [look for look in self.distinct_looks if any(look.path is path for path in flat)]
        yield from self._decide(others, sender, settle)

    def _decide(self, looks: Sequence[Look], sender: Sender, settle: Settle) -> Iterator[Look]:
        """Visit the looks in turn until all are decided or the budget ends."""
        while left := [look for look in looks if not look.is_decided and self.seconds_left]:
            for look in left:
                yield from self._visit(look, sender, settle)

    def _visit(self, look: Look, sender: Sender, settle: Settle) -> Iterator[Look]:
        if not self.seconds_left:
            return
        yield look
        try:
            for _ in visit(look, sender, settle, LATER_ROUNDS if look.visits else FIRST_ROUNDS):
                yield look
                if not self.seconds_left:
                    return
        except Disturbed as reason:
            look.trouble = str(reason)
            yield look


def warm_up(sender: Sender, paths: Sequence[ErrorPath], budget_s: float) -> None:
    """Send each path's request often enough that all together have made the server warm, or for some seconds."""
    for path in paths:
        until = time.monotonic() + min(WARM_UP_S, WARM_UP_SHARE * budget_s) / len(paths)
        left = max(WARM_UP_REQUESTS // len(paths), 2)
        while left > 0 and time.monotonic() < until:
            sent = sender.send([path.request], min(left, WARM_UP_AT_ONCE))
            left = left - WARM_UP_AT_ONCE if sent.answered else 0


def combined(first: Look, second: Look | None) -> Verdict:
    """Return one verdict for a path, by its look with identical inputs and, if there was one, with distinct inputs.

    A path that does not leak with identical inputs leaks if it does with distinct ones, and is undecided while memory
    grows with these.
    """
    verdict = first.verdict
    if first.trouble:
        verdict = replace(verdict, outcome="inconclusive", reason=first.trouble)
    elif second and verdict.outcome != "leaks" and not second.trouble and _grows(second):
        verdict = replace(second.verdict, reason=f"with other inputs each time, {second.verdict.reason}")
    return replace(verdict, restarts=first.restarts + (second.restarts if second else 0))


def _grows(look: Look) -> bool:
    """Whether memory leaks, or grows and it is not known yet for how long."""
    verdict = look.verdict
    return verdict.outcome == "leaks" or (verdict.outcome == "inconclusive" and verdict.ci95[0] > look.flat_below)
