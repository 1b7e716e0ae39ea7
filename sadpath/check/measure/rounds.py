"""Measure one error path: rounds of an exact number of requests, with a count of all bytes in use after each.

What disturbs the counts, and what is done about it: a connection that is kept alive pins its last request, so a visit
begins with requests that are not counted; and a process that is replaced begins anew, so its round is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from statistics import median
from typing import Protocol, TypeVar

from sadpath.check.driver import Request, Sent
from sadpath.check.find import ErrorPath
from sadpath.check.result import Cause
from sadpath.check.service.probes import Snapshot, Traceback
from sadpath.verdict.rounds import Round, judge_rounds
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES, HIDDEN_IN_PAGES, Suspect, Verdict

FIRST_ROUND, LONGEST_ROUND = 50, 400
"""Requests of a round at the first visit, twice as many at each further one, and at most: most need few."""

REQUESTS_OF_PROOF = 20
"""Requests of a round once a traceback was seen to grow: few prove it, and what they retain slows each settle."""

REST_S, LONG_REST_S = 0.005, 0.12
"""Seconds between the last answer and the count, at the first visit and later. A server has work left after an answer;
and asyncio keeps the timers that were cancelled, 100 bytes and more a request, until uvicorn's own one of 0.1 s is due.
"""

LEAST_PER_ROUND = 10
SECONDS_PER_ROUND = 1.0
"""A round of a slow path has fewer requests, so that it takes about this long."""

AS_EXPECTED = 0.9
"""The share of the answers that must have the path's status, for a round to count."""

TOO_MANY_REQUESTS = 429
MAX_RESTARTS_IN_A_ROW = 6
"""Rounds that may be lost one after the other, each to a process that was replaced."""

SHORTEST_LIFE = 25
"""Requests of a round, at least, where processes are replaced."""

COLD_DRIFT = 400.0
"""Bytes per request by which a process grows that has not served many yet: 30 to 140 were measured."""

MOST_FIRST_LOOKS, CALM_BYTES = 8, 600.0
"""Looks at new processes, and what one may leave behind before it counts."""

IS_CYCLIC = 1.0
"""Objects in reference cycles for each request from which a path's cycles are explained."""

N = TypeVar("N", int, float)


class Sender(Protocol):
    """What sends requests: `sadpath.check.driver.Driver`."""

    connections: int

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send this many requests, taking them in turn, and wait for all answers."""
        ...


class Settle(Protocol):
    """What looks at all processes of a service: `sadpath.check.service.target.Target.settle`."""

    def __call__(self, *, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Collect garbage, and return what is left, at the least within some seconds. Raises `Unreadable`."""
        ...


class Glance(Protocol):
    """What looks at little of all processes: `sadpath.check.service.probes.Probes.glance`."""

    def __call__(self, *, census: bool = False) -> Snapshot:
        """Return the garbage of the newest objects and, with a census, the live exceptions."""
        ...


class TroubleKind(Enum):
    """Why a path is not measured any further."""

    NOT_ANSWERED = "requests were not answered"
    ANOTHER_STATUS = "requests were answered with another status"
    RATE_LIMITED = "the service limits the rate"
    RESTARTS = "its processes change all the time"
    UNREADABLE = "its memory cannot be read"
    GROWS_BY_ITSELF = "memory grows without any request"


@dataclass(frozen=True)
class Trouble:
    """Why a path is not measured any further, and that in one line."""

    kind: TroubleKind
    words: str


class Disturbed(Exception):  # noqa: N818 - no error of the program
    """A path cannot be measured, for this trouble."""

    def __init__(self, kind: TroubleKind, words: str) -> None:
        super().__init__(words)
        self.trouble = Trouble(kind, words)


class Calmed:
    """Looks at all processes of a service, and at one that is new until looking alone leaves little behind.

    The first looks load and keep what the probe needs. A worker that was replaced is new again.
    """

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._known: tuple[float, ...] = ()

    def __call__(self, *, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Collect garbage, and return what is left."""
        settled = self._settle(begins_round=begins_round, watched_s=watched_s)
        for _ in range(MOST_FIRST_LOOKS if settled.identity != self._known else 0):
            before, settled = settled, self._settle(begins_round=begins_round, watched_s=watched_s)
            if before.identity == settled.identity and abs(_grown(before, settled) or 0.0) < CALM_BYTES:
                break
        self._known = settled.identity
        return settled


Requests = Callable[[int], Sequence[Request]]
"""Returns as many requests as a round needs: the same one each time, or others each time."""


@dataclass(eq=False)
class Measurement:
    """What was measured of one error path so far, with identical requests or with distinct ones.

    `rounds_s` is how long the rounds took, from count to count, and `most_requests` the longest that its processes live
    for. `seconds` are the response times in order, `cyclic` the objects in reference cycles per request, by round.
    `warm_s` is how long a request took before it was measured. `cleared` are the verdicts of the groups that it was
    flat in, of which it needs `groupings`, and `grew` that of one that grew since. `pages_of` is the number of
    processes whose memory is only known in pages, 0 where bytes in use are counted. `trouble` is why the path is not
    measured any further. `causes` are what is to blame, once it was explained.
    """

    path: ErrorPath
    requests: Requests
    flat_below: float
    distinct: bool = False
    rounds: list[Round] = field(default_factory=list)
    rounds_s: float = 0.0
    seconds: list[float] = field(default_factory=list)
    cyclic: list[float] = field(default_factory=list)
    cleared: list[Verdict] = field(default_factory=list)
    grew: Verdict | None = None
    groupings: int = 2
    warm_s: float = 0.0
    most_requests: int = LONGEST_ROUND
    restarts: int = 0
    restarts_in_a_row: int = 0
    pages_of: int = 0
    trouble: Trouble | None = None
    visits: int = 0
    is_explained: bool = False
    causes: tuple[Cause, ...] = ()

    def clear(self, verdict: Verdict) -> None:
        """Note that it was flat in a group."""
        self.cleared.append(verdict)
        self.grew = None

    @property
    def is_begun(self) -> bool:
        """Whether anything was found out of it."""
        return bool(self.rounds or self.cleared or self.grew)

    @property
    def verdict(self) -> Verdict:
        """What the rounds so far decide: its own or, without any, those of the groups that it was flat in."""
        if self.trouble and not self.rounds:
            return Verdict("inconclusive", self.trouble.words, flat_below=self.flat_below)
        verdict = self._judged()
        if self.trouble:
            return replace(verdict, outcome="inconclusive", reason=self.trouble.words)
        if verdict.outcome == "leaks" and self.restarts and verdict.ci95[0] < COLD_DRIFT and not verdict.suspects:
            reason = f"its processes were replaced {self.restarts} times, each before its memory was steady"
            return replace(verdict, outcome="inconclusive", reason=reason)
        return verdict

    @property
    def is_decided(self) -> bool:
        """Whether more rounds would change nothing."""
        return self.trouble is not None or self.verdict.outcome != "inconclusive"

    @property
    def grows(self) -> bool:
        """Whether memory leaks, or grows and it is not known yet for how long."""
        verdict = self.verdict
        return verdict.outcome == "leaks" or (
            verdict.outcome == "inconclusive" and verdict.ci95[0] > verdict.flat_below
        )

    @property
    def cyclic_objects(self) -> float | None:
        """The objects in reference cycles that a request leaves: a median, since other threads make some too."""
        return median(self.cyclic) if self.cyclic else None

    @property
    def is_cyclic(self) -> bool:
        """Whether its requests leave enough in reference cycles to look for what closes them."""
        return (self.cyclic_objects or 0.0) >= IS_CYCLIC

    def _judged(self) -> Verdict:
        if self.grew and not self.rounds:
            reason = f"{self.grew.together:,} error paths together grow, and the budget ended before it was known which"
            return replace(self.grew, outcome="inconclusive", reason=reason)
        if self.cleared and not self.rounds:
            widest = max(self.cleared, key=lambda one: one.ci95[1])
            if len(self.cleared) >= self.groupings:
                return widest
            reason = f"flat in {len(self.cleared)} of {self.groupings} groups; give it a larger budget"
            return replace(widest, outcome="inconclusive", reason=reason)
        if not self.pages_of:
            return judge_rounds(self.rounds, flat_below=self.flat_below)
        flat_below = max(self.flat_below, FLAT_BELOW_IN_PAGES)
        return judge_rounds(self.rounds, flat_below=flat_below, hidden_bytes=HIDDEN_IN_PAGES * self.pages_of)


@dataclass(frozen=True)
class Step:
    """A round was measured, or is about to be, of these; `name` says of which, and `rounds` how many there are now."""

    measurements: Sequence[Measurement]
    name: str
    rounds: int


def visit(measurement: Measurement, sender: Sender, settle: Settle, most: int) -> Iterator[Round]:
    """Measure up to `most` further rounds, until the path is decided. Raises `Disturbed`."""
    measurement.visits += 1
    warm = send(measurement, sender, 2 * sender.connections)
    size = _round_size(warm, min(FIRST_ROUND << (measurement.visits - 1), measurement.most_requests))
    rest = REST_S if measurement.visits == 1 else LONG_REST_S
    time.sleep(rest)
    before, counted_at = settle(begins_round=True), time.monotonic()
    for number in range(most, 0, -1):
        sent = send(measurement, sender, size)
        time.sleep(rest)
        after, began = settle(begins_round=number > 1), counted_at
        counted_at = time.monotonic()
        measurement.seconds += sent.seconds
        if after.identity == before.identity:
            measurement.restarts_in_a_row = 0
            measurement.rounds.append(one := grown_between(size, before, after))
            measurement.rounds_s += counted_at - began
            if after.collected is not None:
                measurement.cyclic.append(after.collected / size)
            if None in (before.in_use, after.in_use):
                measurement.pages_of = max(measurement.pages_of, before.processes)
            if one.entries and sum(one.entries.values()) >= size:
                size = min(size, REQUESTS_OF_PROOF)
            yield one
        else:
            size = _restarted(measurement, size)
        before = after
        if measurement.is_decided:
            return


def identical(path: ErrorPath) -> Requests:
    """Return the requests of a measurement with identical inputs."""
    return lambda _: [path.request]


def send(measurement: Measurement, sender: Sender, count: int) -> Sent:
    """Send requests that all have to be answered as the path is. Raises `Disturbed`."""
    sent = sender.send(measurement.requests(count), count)
    if sent.answered < AS_EXPECTED * count:
        reason = max(sent.failures, key=lambda name: sent.failures[name], default="no answer")
        raise Disturbed(
            TroubleKind.NOT_ANSWERED, f"{count - sent.answered} of {count} requests were not answered: {reason}"
        )
    as_expected = sent.statuses.get(measurement.path.status, 0)
    if as_expected >= AS_EXPECTED * count:
        return sent
    other = max(sent.statuses, key=lambda status: sent.statuses[status] * (status != measurement.path.status))
    if other == TOO_MANY_REQUESTS:
        raise Disturbed(
            TroubleKind.RATE_LIMITED,
            f"the service limits the rate: {sent.statuses[other]} of {count} requests were answered with 429; "
            "switch the limit off for the check",
        )
    raise Disturbed(
        TroubleKind.ANOTHER_STATUS, f"{sent.statuses[other]} of {count} requests were answered with {other}"
    )


def _round_size(warm: Sent, most: int) -> int:
    slowest = max(warm.seconds, default=0.0)
    return max(LEAST_PER_ROUND, min(most, int(SECONDS_PER_ROUND / slowest))) if slowest else most


def grown_between(requests: int, before: Snapshot, after: Snapshot) -> Round:
    """Return what a round of so many requests left behind."""
    return Round(
        requests=requests,
        grown_bytes=_grown(before, after),
        live_exceptions=_difference(before.live_exceptions, after.live_exceptions),
        entries=_grown_tracebacks(before, after),
        garbage_bytes=after.garbage,
    )


def _grown(before: Snapshot, after: Snapshot) -> float | None:
    exact = _difference(before.in_use, after.in_use)
    return _difference(before.anonymous, after.anonymous) if exact is None else exact


def _difference(before: N | None, after: N | None) -> N | None:
    """Return by how much a figure grew; None where it was not known both times."""
    return None if before is None or after is None else after - before


def _grown_tracebacks(before: Snapshot, after: Snapshot) -> dict[Suspect, int] | None:
    """Return by how many entries the tracebacks grew, of objects that were alive before and are the same after.

    An id is used again after an object has died; its type then mostly differs, and its traceback is shorter. None where
    tracebacks are not known.
    """
    if before.tracebacks is None or after.tracebacks is None:
        return None
    nothing = Traceback("", 0)
    grown = {}
    for suspect, now in after.tracebacks.items():
        was = before.tracebacks.get(suspect, nothing)
        if was.type_name in ("", now.type_name) and now.entries > was.entries:
            grown[suspect] = now.entries - was.entries
    return grown


def _restarted(measurement: Measurement, size: int) -> int:
    """Return a size for the next round that the processes may live for; workers may end after some requests."""
    measurement.restarts += 1
    measurement.restarts_in_a_row += 1
    if measurement.restarts_in_a_row > MAX_RESTARTS_IN_A_ROW:
        raise Disturbed(
            TroubleKind.RESTARTS, "the processes of the service change all the time; they cannot be measured"
        )
    measurement.most_requests = max(size // 2, min(SHORTEST_LIFE, size))
    return measurement.most_requests
