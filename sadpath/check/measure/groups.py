"""Measure many error paths together: a round sends some requests of each, and memory is counted once for all.

Most error paths are flat, and a count of a large heap costs more than its requests. Where the sum of what all of a
group retain is less than one that leaks would, none of them leaks. Else the group is split, and each half measured
again, until what grows is among a few (adaptive group testing).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from statistics import fmean

from sadpath.check.measure.rounds import (
    LONG_REST_S,
    MAX_RESTARTS_IN_A_ROW,
    Disturbed,
    Glance,
    Measurement,
    Sender,
    Settle,
    Step,
    grown_between,
    send,
)
from sadpath.check.service.probes import Snapshot
from sadpath.verdict.rounds import Round, enough_requests, judge_group
from sadpath.verdict.verdict import MIN_ROUNDS, Verdict

MOST_TOGETHER = 100
FEWEST_TOGETHER = 4
"""Of fewer each is measured alone, which tells more."""

FIRST_OF_EACH, MOST_OF_EACH = 4, 400
"""Requests of each path in a round."""

LONGEST_ROUND_S = 4.0
IS_SLOW_S = 0.25
"""A path whose requests take longer waits until the others were measured."""

WATCHED_S = 0.15
"""How long a count looks for the least memory, once counts are noisy."""

FEWEST_LIKELY = 20
"""Requests, at least, by which a path is taken as likely to grow."""

MOST_ROUNDS = 3 * MIN_ROUNDS
MORE_THAN_ENOUGH = 1.5
"""How many times the requests that the noise so far asks for a round has: the noise of few rounds is known roughly."""

GROUPINGS = 2
"""Groups that a path has to be flat in: in one of them, a cache that empties may hide a leak."""


@dataclass
class Together:
    """Measures groups of paths. What it could not clear is in `alone`, to be measured by itself.

    `idle_bytes` is by how much memory grows in a second without any request. `of_each` is the requests of each path in
    the rounds of the next group, and `watched_s` how long each count looks for the least, as the noise so far asks for.
    """

    sender: Sender
    settle: Settle
    glance: Glance
    seconds_left: Callable[[], float]
    idle_bytes: float = 0.0
    of_each: int = FIRST_OF_EACH
    watched_s: float = 0.0
    alone: list[Measurement] = field(default_factory=list)

    def clear(self, measurements: Sequence[Measurement], turn: int = 0) -> Iterator[Step]:
        """Measure them in groups, which are others with each `turn`; those that are flat are cleared once more."""
        for group in grouped(measurements, self.of_each, turn):
            yield from self._split(group)

    def _split(self, group: Sequence[Measurement]) -> Iterator[Step]:
        """Measure a group; where it grows without those that are likely to grow, by which it is split once."""
        pending = [(list(group), False)]
        while pending and self.seconds_left():
            some, is_part = pending.pop()
            some = [one for one in some if not one.trouble]
            if len(some) < FEWEST_TOGETHER:
                self.alone += some
                continue
            verdict = yield from self._measured(some)
            some = [one for one in some if not one.trouble]
            if verdict.outcome == "flat":
                for one in some:
                    one.clear(verdict)
                yield Step(some, _name(some), verdict.samples)
                continue
            likely = [] if is_part else self._likely(some)
            if 0 < len(likely) < len(some):
                self.alone += likely
                pending.append(([one for one in some if one not in likely], True))
            else:
                pending += [(some[len(some) // 2 :], True), (some[: len(some) // 2], True)]

    def _likely(self, group: Sequence[Measurement]) -> list[Measurement]:
        """Return those that seem to grow, by a count of the newest objects after some requests of each."""
        found = []
        before = self.glance()
        for one in group:
            if self._send([one], of_each := self._most(group, max(self.of_each, FEWEST_LIKELY))):
                after = self.glance()
                if (grown_between(of_each, before, after).grown_bytes or 0.0) > of_each * one.flat_below:
                    found.append(one)
            before = self.glance()
        return found

    def _measured(self, group: Sequence[Measurement]) -> Generator[Step, None, Verdict]:
        """Measure a group until it is decided, or more rounds would not help; returns the verdict."""
        of_each, lost, rounds = self._most(group, self.of_each), 0, list[Round]()
        self._send(group[-1:], 2 * self.sender.connections)  # each connection keeps its last request alive
        time.sleep(LONG_REST_S)
        before, counted_at = self._count(), time.monotonic()
        while len(rounds) < MOST_ROUNDS and lost < MAX_RESTARTS_IN_A_ROW and self.seconds_left():
            is_whole = self._send(group, of_each)
            time.sleep(LONG_REST_S)
            after, began = self._count(), counted_at
            counted_at = time.monotonic()
            if is_whole and after.identity == before.identity:
                rounds.append(self._round(of_each, before, after, counted_at - began))
                yield Step(group, _name(group), len(rounds))
            else:
                lost += 1
            before = after
            verdict = judge_group(rounds, len(group), flat_below=group[0].flat_below)
            if verdict.outcome != "inconclusive" or verdict.ci95[0] > verdict.flat_below:
                return verdict
            of_each = self._next(group, rounds, of_each)
        return judge_group(rounds, len(group), flat_below=group[0].flat_below)

    def _count(self) -> Snapshot:
        return self.settle(begins_round=True, watched_s=self.watched_s)

    def _send(self, group: Sequence[Measurement], of_each: int) -> bool:
        """Send the requests of each path; returns False where one is disturbed, which is then left out."""
        is_whole = True
        for one in group:
            try:
                if not one.trouble:
                    one.seconds += send(one, self.sender, of_each).seconds
            except Disturbed as reason:
                one.trouble, is_whole = reason.trouble, False
        return is_whole

    def _round(self, of_each: int, before: Snapshot, after: Snapshot, seconds: float) -> Round:
        one = grown_between(of_each, before, after)
        idle = self.idle_bytes * seconds
        return replace(one, grown_bytes=None if one.grown_bytes is None else one.grown_bytes - idle)

    def _next(self, group: Sequence[Measurement], rounds: Sequence[Round], of_each: int) -> int:
        """Return how many requests of each path the next round needs, as the noise of those so far says."""
        if len(rounds) % MIN_ROUNDS:
            return of_each
        needed = round(MORE_THAN_ENOUGH * enough_requests(rounds, group[0].flat_below))
        self.of_each = max(FIRST_OF_EACH, min(needed, MOST_OF_EACH))
        if needed > of_each:
            self.watched_s = WATCHED_S
        return self._most(group, max(of_each, self.of_each))

    def _most(self, group: Sequence[Measurement], of_each: int) -> int:
        seconds = sum(map(seconds_of, group))
        return max(1, min(of_each, int(LONGEST_ROUND_S / seconds))) if seconds else of_each


def seconds_of(measurement: Measurement) -> float:
    """Return how long a request of a path takes; 0 where none was sent."""
    return fmean(measurement.seconds[-FIRST_OF_EACH:]) if measurement.seconds else 0.0


def grouped(measurements: Sequence[Measurement], of_each: int, turn: int) -> list[list[Measurement]]:
    """Return groups whose rounds are not too long. With each turn a path is among others; slow ones come last."""
    is_slow = [seconds_of(one) > IS_SLOW_S for one in measurements]
    fast = [one for one, slow in zip(measurements, is_slow, strict=True) if not slow]
    slow = [one for one, slow in zip(measurements, is_slow, strict=True) if slow]
    return [group for ones in (fast, slow) for group in _filled(_turned(ones, turn), of_each)]


def _turned(ones: Sequence[Measurement], turn: int) -> list[Measurement]:
    """Return them in another order, in which neighbours are far from each other."""
    step = 1 + turn * max(1, round(len(ones) ** 0.5))
    return list(chain.from_iterable(ones[first::step] for first in range(min(step, len(ones)))))


def _filled(ones: Sequence[Measurement], of_each: int) -> Iterator[list[Measurement]]:
    count = max(-(-len(ones) // MOST_TOGETHER), round(sum(map(seconds_of, ones)) * of_each / LONGEST_ROUND_S))
    for number in range(count):
        yield list(ones[number * len(ones) // count : (number + 1) * len(ones) // count])


def _name(group: Sequence[Measurement]) -> str:
    others = ", other inputs each time" if group and group[0].distinct else ""
    return f"{len(group):,} error paths together{others}"
