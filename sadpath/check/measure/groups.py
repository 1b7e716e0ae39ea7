"""Measure many error paths together: a round sends some requests of each, and memory is counted once for all.

Most error paths are flat, and a count of a large heap costs more than its requests. Where the sum of what all of a
group retain is less than one that leaks would, none of them leaks. Else the group is split, and each half measured
again, until what grows is among a few (adaptive group testing).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
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
from sadpath.verdict.rounds import Noise, Round, growth_of_idle_rounds, judge_group
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, MIN_ROUNDS, Verdict

MOST_TOGETHER = 200
FEWEST_TOGETHER = 4
"""Of fewer each is measured alone, which tells more."""

FIRST_OF_EACH, MOST_OF_EACH = 4, 400
"""Requests of each path in a round."""

CONVINCING = 25
"""Requests of each path in a round, where they cost little: a leak may come with one request in ten."""

SEPARATED_BY = 3
"""Groups, at least, in the turn that tells a leak from a cache that empties: most pairs of paths are apart then."""

LONGEST_ROUND_S, SHARE_OF_A_ROUND = 4.0, 0.1
"""Seconds, or what this share of the time that is left has, if that is more."""

IS_SLOW_S = 0.25
"""A path whose requests take longer is measured alone, once the others were."""

SHARE_OF_A_BLOCK, FEWEST_OF_A_BLOCK, ALL_AT_ONCE = 0.3, 16, 0.8
"""The share of the time that is left for the paths that are cleared before others are begun, how many these are at
least, and the share in which all fit.
"""

WATCHED_S = 0.2
"""How long a count looks for the least memory, once counts are noisy, instead of a rest before it."""

FEWEST_LIKELY, LIKELY_DEVIATIONS = 20, 3.0
"""Requests, and standard deviations of a count, at least, by which a path is taken as likely to grow."""

IDLE_COUNTS = 8
"""Counts without a request in between, which tell the noise before the first round."""

LEAST_IDLE_BYTES = 1024.0
"""A second, from which on what grows without any request is taken off."""

MOST_ROUNDS = 3 * MIN_ROUNDS
MORE_THAN_ENOUGH = 1.3
"""How many times the requests that the noise asks for a round has, since it also moves what is estimated."""

GROUPINGS = 2
"""Groups that a path has to be flat in: in one of them, a cache that empties may hide a leak."""


@dataclass
class Together:
    """Measures groups of paths. What it could not clear is in `alone`, to be measured by itself.

    `noise` is what disturbs the counts, as all rounds so far show it, and `count_s` how long one takes. `idle_bytes` is
    by how much memory grows in a second without any request, which is taken off what grows in a round.
    """

    sender: Sender
    settle: Settle
    glance: Glance
    seconds_left: Callable[[], float]
    noise: Noise = field(default_factory=Noise)
    alone: list[Measurement] = field(default_factory=list)
    count_s: float = 0.0
    idle_bytes: float = 0.0

    def look_at_the_noise(self) -> None:
        """Count some times without a request."""
        began = time.monotonic()
        counts = [self._count() for _ in range(IDLE_COUNTS)]
        self.count_s = (time.monotonic() - began) / IDLE_COUNTS
        same = [(one, other) for one, other in pairwise(counts) if one.identity == other.identity]
        rounds = [grown_between(0, one, other) for one, other in same]
        known = [one for one in rounds if one.grown_bytes is not None]
        self.noise.add(known)
        grown = growth_of_idle_rounds(known)
        self.idle_bytes = grown / self.count_s if grown > LEAST_IDLE_BYTES * self.count_s else 0.0

    def seconds_of_all(self, measurements: Sequence[Measurement], passes: int, flat_below: float) -> float:
        """Return how long it takes to measure all so many times in groups, if they are flat."""
        of_each = max(self._needed(flat_below), FIRST_OF_EACH)
        groups = -(-len(measurements) // MOST_TOGETHER)
        round_s = sum(map(seconds_of, measurements)) * of_each + self.count_s * groups
        return passes * (MIN_ROUNDS + 1) * round_s

    def blocks(self, kinds: Sequence[Sequence[Measurement]]) -> Iterator[list[Measurement]]:
        """Yield the paths that are cleared before others are begun: all of a kind, or what a part of the time allows.

        Else a budget that is a little short would decide nothing.
        """
        for kind in kinds:
            left = list(kind)
            while left and self.seconds_left():
                most_s = SHARE_OF_A_BLOCK * self.seconds_left()
                fits = len(left)
                flat_below = left[0].flat_below
                while fits > FEWEST_OF_A_BLOCK and self.seconds_of_all(left[:fits], GROUPINGS, flat_below) > most_s:
                    fits = max(FEWEST_OF_A_BLOCK, fits // 2)
                if self.seconds_of_all(left, GROUPINGS, flat_below) < ALL_AT_ONCE * self.seconds_left():
                    fits = len(left)
                yield left[:fits]
                left = left[fits:]

    def clear(self, measurements: Sequence[Measurement], turn: int = 0) -> Iterator[Step]:
        """Measure them in groups, which are others with each `turn`; those that are flat are cleared once more."""
        for group in grouped(measurements, turn):
            yield from self._split(group)

    def _split(self, group: Sequence[Measurement]) -> Iterator[Step]:
        """Measure a group; one that grows is measured without those that are likely to, and then by halves."""
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
            elif verdict.outcome == "leaks" or verdict.ci95[0] > 0 or verdict.ci95[1] < 0:
                for one in some:
                    one.grew = verdict
                likely = [] if is_part else self._likely(some)
                self.alone += likely
                left = [one for one in some if one not in likely]
                parts = [left] if likely else [left[len(left) // 2 :], left[: len(left) // 2]]
                pending += [(part, True) for part in parts]
            else:
                self.alone += some

    def _likely(self, group: Sequence[Measurement]) -> list[Measurement]:
        """Return those that seem to grow, by a count of the newest objects after some requests of each."""
        found = []
        of_each = self._fitting(group, max(FEWEST_LIKELY, self._enough(group)))
        by = max(of_each * group[0].flat_below, LIKELY_DEVIATIONS * self.noise.deviation)
        for one in group:
            before, began = self.glance(), time.monotonic()
            if not self._send([one], of_each):
                continue
            after = self.glance()
            grown = grown_between(of_each, before, after).grown_bytes or 0.0
            if before.identity == after.identity and grown - self.idle_bytes * (time.monotonic() - began) > by:
                found.append(one)
        return found

    def _measured(self, group: Sequence[Measurement]) -> Generator[Step, None, Verdict]:
        """Measure a group until it is decided, or more rounds would not help; returns the verdict."""
        lost, rounds = 0, list[Round]()
        self._send(group[-1:], 2 * self.sender.connections)  # each connection keeps its last request alive
        before, counted_at = self._count(), time.monotonic()
        verdict = self._judged(group, rounds)
        while len(rounds) < MOST_ROUNDS and lost < MAX_RESTARTS_IN_A_ROW and self.seconds_left():
            of_each = max(1, self._enough(group, rounds) >> lost)
            is_whole = self._send(group, of_each)
            after, began = self._count(), counted_at
            counted_at = time.monotonic()
            if is_whole and after.identity == before.identity:
                lost = 0
                rounds.append(self._without_idle(grown_between(of_each, before, after), counted_at - began))
                yield Step(group, _name(group), len(rounds))
            else:
                lost += 1
            before = after
            verdict = self._judged(group, rounds)
            if verdict.outcome == "leaks" or (verdict.outcome == "flat" and not len(rounds) % MIN_ROUNDS):
                break
        if verdict.outcome != "leaks":
            self.noise.add(rounds)
        return verdict

    def _without_idle(self, one: Round, seconds: float) -> Round:
        return one if one.grown_bytes is None else replace(one, grown_bytes=one.grown_bytes - self.idle_bytes * seconds)

    def _judged(self, group: Sequence[Measurement], rounds: Sequence[Round]) -> Verdict:
        paths = sum(not one.trouble for one in group)
        return judge_group(rounds, paths, self.noise, flat_below=group[0].flat_below)

    def _count(self) -> Snapshot:
        """Count memory, once what the server has left to do after an answer is done."""
        if self.noise.enough_requests(FLAT_BELOW_EXACT) > FIRST_OF_EACH:
            return self.settle(begins_round=True, watched_s=WATCHED_S)
        time.sleep(LONG_REST_S)
        return self.settle(begins_round=True)

    def _send(self, group: Sequence[Measurement], of_each: int) -> bool:
        """Send the requests of each path; returns False where one is disturbed, which is then left out."""
        is_whole = True
        for one in group:
            if not self.seconds_left():
                return False
            try:
                if not one.trouble:
                    one.seconds += send(one, self.sender, of_each).seconds
            except Disturbed as reason:
                one.trouble, is_whole = reason.trouble, False
        return is_whole

    def _enough(self, group: Sequence[Measurement], rounds: Sequence[Round] = ()) -> int:
        """Return how many requests of each path a round has: as the noise asks for, and the time allows.

        Twice as many once some rounds did not decide.
        """
        needed = self._needed(group[0].flat_below, rounds)
        if len(rounds) >= MIN_ROUNDS:
            needed = max(needed, 2 * rounds[-MIN_ROUNDS].requests)
        convincing = min(CONVINCING, self._fitting(group, MOST_OF_EACH) // 4)
        return self._fitting(group, max(needed, convincing, FIRST_OF_EACH))

    def _fitting(self, group: Sequence[Measurement], of_each: int) -> int:
        """Return so many requests of each path, or as many as a round has time for."""
        seconds, longest_s = sum(map(seconds_of, group)), max(LONGEST_ROUND_S, SHARE_OF_A_ROUND * self.seconds_left())
        fits = int(longest_s / seconds) if seconds else MOST_OF_EACH
        return max(1, min(fits, MOST_OF_EACH, of_each))

    def _needed(self, flat_below: float, rounds: Sequence[Round] = ()) -> int:
        return math.ceil(MORE_THAN_ENOUGH * self.noise.with_those_of(rounds).enough_requests(flat_below))


def seconds_of(measurement: Measurement) -> float:
    """Return how long a request of a path takes; 0 where none was sent."""
    return fmean(measurement.seconds[-FIRST_OF_EACH:]) if measurement.seconds else measurement.warm_s


def grouped(ones: Sequence[Measurement], turn: int) -> list[Sequence[Measurement]]:
    """Return equal groups; in the second turn others, in which two of three pairs of paths are apart, or more."""
    count = -(-len(ones) // MOST_TOGETHER)
    if turn == 1:
        count = max(count, min(SEPARATED_BY, len(ones) // FEWEST_TOGETHER))
        return [ones[number::count] for number in range(count)]
    return [ones[number * len(ones) // count : (number + 1) * len(ones) // count] for number in range(count)]


def _name(group: Sequence[Measurement]) -> str:
    others = ", other inputs each time" if group and group[0].distinct else ""
    return f"{len(group):,} error paths together{others}"
