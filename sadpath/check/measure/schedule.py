"""Which error path is measured next, until all are decided or the budget ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sadpath.check.find import ErrorPath
from sadpath.check.measure.distinct import NO_HEADERS, distinct, varying
from sadpath.check.measure.rounds import (
    Calmed,
    Disturbed,
    Measurement,
    Sender,
    Settle,
    Trouble,
    TroubleKind,
    identical,
    visit,
)
from sadpath.sources import Unreadable
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


@dataclass
class PathMeasurements:
    """What is measured of one path: with identical requests and, where an input may vary, distinct ones."""

    first: Measurement
    second: Measurement | None

    @property
    def verdict(self) -> Verdict:
        """One verdict for the path.

        One that does not leak with identical inputs leaks if it does with distinct ones, and is inconclusive while
        memory grows with these.
        """
        first, second = self.first, self.second
        verdict = self.shown.verdict
        if self.shown is second:
            verdict = replace(verdict, reason=f"with other inputs each time, {verdict.reason}")
        return replace(verdict, restarts=first.restarts + (second.restarts if second else 0))

    @property
    def shown(self) -> Measurement:
        """The one that decides: the second where memory grows in it alone."""
        first, second = self.first, self.second
        decides = second and second.rounds and not second.trouble and second.grows
        return second if second and decides and not first.trouble and first.verdict.outcome != "leaks" else first


class Schedule:
    """The measurements of all error paths. Each is visited once, the undecided again and again; then those that are
    flat get distinct inputs.
    """

    def __init__(
        self,
        paths: Sequence[ErrorPath],
        flat_below: float,
        budget_s: float,
        clock: Callable[[], float] = time.monotonic,
        own_headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.paths = [_measurements(path, flat_below, own_headers) for path in paths]
        self._own_headers = own_headers
        self._clock = clock
        self._until = clock() + budget_s

    @property
    def seconds_left(self) -> float:
        """What is left of the budget."""
        return max(self._until - self._clock(), 0.0)

    @property
    def unmeasured(self) -> list[Measurement]:
        """The measurements with distinct inputs, of paths that are flat, that have not begun."""
        return [second for second in self._of_flat_paths() if not second.rounds and not second.trouble]

    def run(self, sender: Sender, settle: Settle) -> Iterator[Measurement]:
        """Measure; yields a measurement before its first round and after each round or trouble.

        What ends it early leaves what was measured.
        """
        warm_up(sender, [one.first.path for one in self.paths], self.seconds_left)
        settle = Calmed(settle)
        yield from self._decide([one.first for one in self.paths], sender, settle)
        yield from self._decide(self._of_flat_paths(), sender, settle)

    def _of_flat_paths(self) -> list[Measurement]:
        return [one.second for one in self.paths if one.second and one.first.verdict.outcome == "flat"]

    def _decide(self, measurements: Sequence[Measurement], sender: Sender, settle: Settle) -> Iterator[Measurement]:
        """Visit them in turn until all are decided or the budget ends."""
        while left := [one for one in measurements if not one.is_decided and self.seconds_left]:
            for measurement in left:
                yield from self._visit(measurement, sender, settle)

    def _visit(self, measurement: Measurement, sender: Sender, settle: Settle) -> Iterator[Measurement]:
        if not self.seconds_left:
            return
        yield measurement
        try:
            if measurement.distinct and not measurement.visits:
                measurement.requests = varying(measurement.path, sender, self._own_headers)
            for _ in visit(measurement, sender, settle, LATER_ROUNDS if measurement.visits else FIRST_ROUNDS):
                yield measurement
                if not self.seconds_left:
                    return
        except Disturbed as reason:
            measurement.trouble = reason.trouble
            yield measurement
        except Unreadable as reason:
            measurement.trouble = Trouble(TroubleKind.UNREADABLE, f"its memory cannot be read: {reason}")
            yield measurement


def _measurements(path: ErrorPath, flat_below: float, own_headers: Mapping[str, str]) -> PathMeasurements:
    others = distinct(path, own_headers)
    second = Measurement(path, others, flat_below, distinct=True) if others else None
    return PathMeasurements(Measurement(path, identical(path), flat_below), second)


def warm_up(sender: Sender, paths: Sequence[ErrorPath], budget_s: float) -> None:
    """Send each path's request often enough that all together have made the server warm, or for some seconds."""
    for path in paths:
        until = time.monotonic() + min(WARM_UP_S, WARM_UP_SHARE * budget_s) / len(paths)
        left = max(WARM_UP_REQUESTS // len(paths), 2)
        while left > 0 and time.monotonic() < until:
            sent = sender.send([path.request], min(left, WARM_UP_AT_ONCE))
            left = left - WARM_UP_AT_ONCE if sent.answered else 0
