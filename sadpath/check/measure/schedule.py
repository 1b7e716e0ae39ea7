"""Which error path is measured next, until all are decided or the budget ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sadpath.check.find import ErrorPath
from sadpath.check.measure.distinct import NO_HEADERS, distinct, varying
from sadpath.check.measure.groups import FEWEST_TOGETHER, GROUPINGS, IS_SLOW_S, Together, seconds_of
from sadpath.check.measure.rounds import (
    Calmed,
    Disturbed,
    Glance,
    Measurement,
    Sender,
    Settle,
    Step,
    Trouble,
    TroubleKind,
    identical,
    visit,
)
from sadpath.check.measure.screen import screened
from sadpath.sources import Unreadable
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, FLAT_BELOW_IN_PAGES, Verdict

WARM_UP_REQUESTS = 450
"""Requests of a cold server, over all paths, until its memory is steady (measured with Flask and Django)."""

WARM_UP_S, WARM_UP_SHARE = 10.0, 0.2
"""Seconds, and the share of the budget, after which a slow server counts as warm."""

MOST_OF_A_WARM_UP = 2.0
"""How many times these seconds it may take where each request is slow."""

WARM_UP_AT_ONCE = 25
"""Requests after which the memory of the service is looked at: it may leak fast."""

FIRST_ROUNDS = 4
"""Rounds of the first visit: enough for all but memory that grows with no exception to blame, or is noisy."""

LATER_ROUNDS, ROUNDS_OF_THE_LAST = 6, 24
"""Rounds of a further visit, and where no other path waits for one."""

SHARE_AFTER_THE_SCREEN = 0.75
"""Of the budget, that stays for rounds however long a look at each path takes."""

SHARE_OF_THE_CLEAR = 0.7
"""Of the time that is left, that stays for other paths while those are measured that no group has cleared."""


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

    def raise_threshold(self, flat_below: float) -> None:
        """Call growth below this flat, in bytes per request, where it was not decided yet."""
        for one in filter(None, (self.first, self.second)):
            if not one.is_decided:
                one.flat_below = flat_below

    @property
    def shown(self) -> Measurement:
        """The one that decides: the second where memory grows in it alone."""
        first, second = self.first, self.second
        decides = second and second.is_begun and not second.trouble and second.grows
        return second if second and decides and not first.trouble and first.verdict.outcome != "leaks" else first


class Schedule:
    """The measurements of all error paths.

    Where bytes in use are counted they are screened with a few requests, what grows at a glance is measured alone, and
    the rest in groups. What these do not clear is measured alone as well, again and again; then those that are flat get
    distinct inputs. Elsewhere each path is measured alone from the first.

    `needed_s` is how long all takes, from the beginning, once that is known roughly. `idle_bytes` is by how much memory
    grew in a second without any request, before the groups. `is_coarse` is whether larger leaks alone are looked for.
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
        self._first_of = {path.second: path.first for path in self.paths if path.second}
        self._own_headers = own_headers
        self.budget_s, self.needed_s, self.idle_bytes = budget_s, 0.0, 0.0
        self.is_coarse = False
        self._clock = clock
        self.until = clock() + budget_s

    @property
    def seconds_left(self) -> float:
        """What is left of the budget."""
        return max(self.until - self._clock(), 0.0)

    @property
    def unmeasured(self) -> list[Measurement]:
        """The measurements with distinct inputs, of paths that are flat, that have not begun."""
        return [second for second in self._of_flat_paths() if not second.is_begun and not second.trouble]

    def run(self, sender: Sender, settle: Settle, glance: Glance | None = None) -> Iterator[Step]:
        """Measure; yields a step before the first round of what is measured, and after each round or trouble.

        `glance` is None where nothing is known of the objects. What ends it early leaves what was measured.
        """
        firsts = [one.first for one in self.paths]
        warm_up(sender, firsts, self.seconds_left)
        settle = Calmed(settle)
        if glance and len(firsts) >= 2 * FEWEST_TOGETHER and settle().in_use is not None:
            yield from self._in_groups(firsts, sender, settle, glance)
        else:
            yield from self._decide(firsts, sender, settle)
            yield from self._decide(self._with_other_inputs(sender), sender, settle)

    def _in_groups(
        self, firsts: Sequence[Measurement], sender: Sender, settle: Settle, glance: Glance
    ) -> Iterator[Step]:
        fast = [one for one in firsts if seconds_of(one) <= IS_SLOW_S]
        leave_s = SHARE_AFTER_THE_SCREEN * self.seconds_left
        growing = screened(fast, sender, glance, lambda: self.seconds_left > leave_s)
        yield from self._steps_of_trouble(fast)
        yield from self._decide(growing, sender, settle, SHARE_OF_THE_CLEAR * self.seconds_left)
        rest = [one for one in fast if one not in growing and not one.trouble]
        together = Together(sender, settle, glance, lambda: self.seconds_left)
        if len(rest) >= FEWEST_TOGETHER:
            yield from self._in_blocks(rest, together, sender, settle)
        yield from self._decide([*together.alone, *firsts], sender, settle)
        yield from self._decide(self._with_other_inputs(sender), sender, settle)

    def _in_blocks(
        self, rest: Sequence[Measurement], together: Together, sender: Sender, settle: Settle
    ) -> Iterator[Step]:
        together.look_at_the_noise()
        self.idle_bytes = together.idle_bytes
        self._estimate(together, rest)
        for block in together.blocks(_own_first(rest)):
            for turn in range(GROUPINGS):
                if turn and together.idle_bytes:
                    together.look_at_the_noise()  # what grows by itself may have stopped
                flat = [one for one in block if len(one.cleared) == turn and not one.trouble]
                yield from together.clear([one for one in flat if one not in together.alone], turn)
            yield from self._decide(together.alone, sender, settle, SHARE_OF_THE_CLEAR * self.seconds_left)
        for block in together.blocks([self._with_other_inputs(sender)]):
            yield from together.clear(block, GROUPINGS)

    def _estimate(self, together: Together, rest: Sequence[Measurement]) -> None:
        """Find out how long all takes, and look for larger leaks alone where that is more than there is, and helps."""
        passes = GROUPINGS + any(one.second for one in self.paths)
        spent_s, flat_below = self.budget_s - self.seconds_left, rest[0].flat_below
        self.needed_s = spent_s + together.seconds_of_all(rest, passes, flat_below)
        coarse_s = spent_s + together.seconds_of_all(rest, passes, FLAT_BELOW_IN_PAGES)
        if coarse_s < self.needed_s > self.budget_s and flat_below == FLAT_BELOW_EXACT:
            self.is_coarse, self.needed_s = True, coarse_s
            in_groups = {id(one) for one in rest}
            for one in self.paths:
                if id(one.first) in in_groups:
                    one.raise_threshold(FLAT_BELOW_IN_PAGES)

    def _of_flat_paths(self) -> list[Measurement]:
        return [one.second for one in self.paths if one.second and one.first.verdict.outcome == "flat"]

    def _with_other_inputs(self, sender: Sender) -> list[Measurement]:
        """Return the measurements of flat paths that have not begun, once it was tried which inputs may vary."""
        new = self.unmeasured
        for one in new:
            try:
                if self.seconds_left:
                    one.warm_s = seconds_of(self._first_of[one])
                    one.requests = varying(one.path, sender, self._own_headers)
            except Disturbed as reason:
                one.trouble = reason.trouble
        return [one for one in new if not one.trouble]

    def _steps_of_trouble(self, measurements: Sequence[Measurement]) -> Iterator[Step]:
        yield from (Step([one], one.path.name, 0) for one in measurements if one.trouble)

    def _decide(
        self, measurements: Sequence[Measurement], sender: Sender, settle: Settle, leave_s: float = 0.0
    ) -> Iterator[Step]:
        """Visit them in turn until all are decided, or so many seconds of the budget are left."""
        while left := [one for one in measurements if not one.is_decided and self.seconds_left > leave_s]:
            for measurement in left:
                most = LATER_ROUNDS if len(left) > 1 else ROUNDS_OF_THE_LAST
                yield from self._visit(measurement, sender, settle, most, leave_s)

    def _visit(
        self, measurement: Measurement, sender: Sender, settle: Settle, most: int, leave_s: float
    ) -> Iterator[Step]:
        if self.seconds_left <= leave_s:
            return

        def step() -> Step:
            others = ", other inputs each time" if measurement.distinct else ""
            return Step([measurement], measurement.path.name + others, len(measurement.rounds))

        yield step()
        try:
            for _ in visit(measurement, sender, settle, most if measurement.visits else FIRST_ROUNDS):
                yield step()
                if self.seconds_left <= leave_s:
                    return
        except Disturbed as reason:
            measurement.trouble = reason.trouble
            yield step()
        except Unreadable as reason:
            measurement.trouble = Trouble(TroubleKind.UNREADABLE, f"its memory cannot be read: {reason}")
            yield step()


def _own_first(measurements: Sequence[Measurement]) -> list[list[Measurement]]:
    """Return those that the service answers itself, and then those that its framework refuses alike."""
    kinds: list[list[Measurement]] = [[], []]
    for one in measurements:
        kinds[one.path.is_of_the_framework].append(one)
    own, others = kinds
    return kinds if len(others) >= FEWEST_TOGETHER else [own + others]


def _measurements(path: ErrorPath, flat_below: float, own_headers: Mapping[str, str]) -> PathMeasurements:
    others = distinct(path, own_headers)
    second = Measurement(path, others, flat_below, distinct=True, groupings=1) if others else None
    return PathMeasurements(Measurement(path, identical(path), flat_below), second)


def warm_up(sender: Sender, measurements: Sequence[Measurement], budget_s: float) -> None:
    """Send each path's request often enough that all together have made the server warm, or for some seconds.

    A slow path gets one request, which says that it is slow.
    """
    began, most_s = time.monotonic(), min(WARM_UP_S, WARM_UP_SHARE * budget_s)
    for one in measurements:
        until = time.monotonic() + most_s / len(measurements)
        left = max(WARM_UP_REQUESTS // len(measurements), 2)
        at_once = 1
        if time.monotonic() > began + MOST_OF_A_WARM_UP * most_s:
            return
        while left > 0 and (at_once == 1 or time.monotonic() < until):
            sent = sender.send(one.requests(at_once), min(left, at_once))
            one.warm_s = min(sent.seconds, default=0.0)
            left = left - at_once if sent.answered and one.warm_s <= IS_SLOW_S else 0
            at_once = WARM_UP_AT_ONCE
