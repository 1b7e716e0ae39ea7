"""Measure one error path: rounds of an exact number of requests, with a count of all bytes in use after each.

What disturbs the counts, and what is done about it: a connection that is kept alive pins its last request, so a visit
begins with requests that are not counted; and a process that is replaced begins anew, so its round is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Protocol

from sadpath.check.result import ErrorPath, Request, Sent, Settled, Traceback
from sadpath.verdict.rounds import Round, growing_suspects, judge_rounds
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

IDLE_ROUNDS, SHARE_OF_IDLE_GROWTH = 3, 0.5
"""Rounds without requests, and the share of a round's growth from which on they explain it."""


class Sender(Protocol):
    """What sends requests: `sadpath.check.drive.driver.Driver`."""

    connections: int

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send this many requests, taking them in turn, and wait for all answers."""
        ...


class Disturbed(Exception):  # noqa: N818 - no error of the program
    """A path cannot be measured; the message says why, in one line."""


class Settle(Protocol):
    """What looks at all processes of a target: `sadpath.check.service.probes.Probes.settle`."""

    def __call__(self, *, begins_round: bool = False) -> Settled:
        """Collect garbage, and return what is left."""
        ...


class Calmed:
    """Looks at all processes of a target, and at one that is new until looking alone leaves little behind.

    The first looks load and keep what the probe needs. A worker that was replaced is new again.
    """

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._known: tuple[int, ...] = ()

    def __call__(self, *, begins_round: bool = False) -> Settled:
        """Collect garbage, and return what is left."""
        settled = self._settle(begins_round=begins_round)
        for _ in range(MOST_FIRST_LOOKS if settled.pids != self._known else 0):
            before, settled = settled, self._settle(begins_round=begins_round)
            if before.pids == settled.pids and abs(_grown(before, settled) or 0.0) < CALM_BYTES:
                break
        self._known = settled.pids
        return settled


Requests = Callable[[int], Sequence[Request]]
"""Returns as many requests as a round needs: the same one each time, or others each time."""


@dataclass
class Look:
    """What was measured of one error path so far, with identical requests or with distinct ones.

    `most_requests` is the longest round that its processes live for. `seconds` are the response times in order,
    `cyclic` the objects in reference cycles per request, by round. `trouble` is why the path is not measured any
    further, if it is not.
    """

    path: ErrorPath
    requests: Requests
    flat_below: float
    distinct: bool = False
    rounds: list[Round] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cyclic: list[float] = field(default_factory=list)
    most_requests: int = LONGEST_ROUND
    restarts: int = 0
    restarts_in_a_row: int = 0
    in_pages: bool = False
    trouble: str = ""
    visits: int = 0

    @property
    def verdict(self) -> Verdict:
        """What the rounds so far decide."""
        if self.in_pages:
            flat_below = max(self.flat_below, FLAT_BELOW_IN_PAGES)
            found = judge_rounds(self.rounds, flat_below=flat_below, hidden_bytes=HIDDEN_IN_PAGES)
        else:
            found = judge_rounds(self.rounds, flat_below=self.flat_below)
        if (
            found.outcome == "leaks"
            and self.restarts
            and found.ci95[0] < COLD_DRIFT
            and not growing_suspects(self.rounds)
        ):
            reason = f"its processes were replaced {self.restarts} times, each before its memory was steady"
            return replace(found, outcome="inconclusive", reason=reason)
        return found

    @property
    def is_decided(self) -> bool:
        """Whether more rounds would change nothing."""
        return bool(self.trouble) or self.verdict.outcome != "inconclusive"


def visit(look: Look, sender: Sender, settle: Settle, most: int) -> Iterator[Round]:
    """Measure up to `most` further rounds, until the path is decided. Raises `Disturbed`."""
    look.visits += 1
    warm = send(look, sender, 2 * sender.connections)
    size = _round_size(warm, min(FIRST_ROUND << (look.visits - 1), look.most_requests))
    rest = REST_S if look.visits == 1 else LONG_REST_S
    time.sleep(rest)
    before = settle(begins_round=True)
    for number in range(most, 0, -1):
        sent = send(look, sender, size)
        time.sleep(rest)
        after = settle(begins_round=number > 1)
        look.seconds += sent.seconds
        if after.pids == before.pids:
            look.restarts_in_a_row = 0
            look.rounds.append(one := _round(size, before, after))
            look.cyclic.append(after.collected / size)
            look.in_pages = look.in_pages or before.in_use is None
            if sum(one.entries.values()) >= size:
                size = min(size, REQUESTS_OF_PROOF)
            yield one
        else:
            size = _restarted(look, size)
        before = after
        if look.is_decided:
            return


def grows_by_itself(look: Look, settle: Settle, wait: Callable[[float], None] = time.sleep) -> str:
    """Return what memory grows by without any request, in one line, if that explains the growth of a look.

    Waits as long as a few rounds of the look took. A service may have a thread that leaks.
    """
    took = sum(look.seconds) / max(len(look.rounds), 1)
    grown = []
    before = settle(begins_round=True)
    for _ in range(IDLE_ROUNDS):
        wait(took)
        after = settle(begins_round=True)
        grown.append(_grown(before, after) or 0.0)
        before = after
    of_requests = median(one.grown_bytes or 0.0 for one in look.rounds)
    if median(grown) < of_requests * SHARE_OF_IDLE_GROWTH:
        return ""
    return f"memory grows by {median(grown) / took / 1024:,.0f} KiB a second without any request"


def identical(path: ErrorPath) -> Requests:
    """Return the requests of a look with identical inputs."""
    return lambda _: [path.request]


def send(look: Look, sender: Sender, count: int) -> Sent:
    """Send requests that all have to be answered as the path is. Raises `Disturbed`."""
    sent = sender.send(look.requests(count), count)
    if sent.answered < AS_EXPECTED * count:
        reason = max(sent.failures, key=lambda name: sent.failures[name], default="no answer")
        raise Disturbed(f"{count - sent.answered} of {count} requests were not answered: {reason}")
    as_expected = sent.statuses.get(look.path.status, 0)
    if as_expected >= AS_EXPECTED * count:
        return sent
    other = max(sent.statuses, key=lambda status: sent.statuses[status] * (status != look.path.status))
    if other == TOO_MANY_REQUESTS:
        raise Disturbed(
            f"the service limits the rate: {sent.statuses[other]} of {count} requests were answered with 429; "
            "switch the limit off for the check"
        )
    raise Disturbed(f"{sent.statuses[other]} of {count} requests were answered with {other}")


def _round_size(warm: Sent, most: int) -> int:
    slowest = max(warm.seconds, default=0.0)
    return max(LEAST_PER_ROUND, min(most, int(SECONDS_PER_ROUND / slowest))) if slowest else most


def _round(size: int, before: Settled, after: Settled) -> Round:
    return Round(
        requests=size,
        grown_bytes=_grown(before, after),
        live_exceptions=after.live_exceptions - before.live_exceptions,
        entries=_grown_tracebacks(before, after),
    )


def _grown(before: Settled, after: Settled) -> float | None:
    if before.in_use is not None and after.in_use is not None:
        return after.in_use - before.in_use
    if before.anonymous is not None and after.anonymous is not None:
        return after.anonymous - before.anonymous
    return None


def _grown_tracebacks(before: Settled, after: Settled) -> dict[Suspect, int]:
    """Return by how many entries the tracebacks grew, of objects that were alive before and are the same after.

    An id is used again after an object has died; its type then mostly differs, and its traceback is shorter.
    """
    nothing = Traceback("", 0)
    grown = {}
    for suspect, now in after.tracebacks.items():
        was = before.tracebacks.get(suspect, nothing)
        if was.type_name in ("", now.type_name) and now.entries > was.entries:
            grown[suspect] = now.entries - was.entries
    return grown


def _restarted(look: Look, size: int) -> int:
    """Return a size for the next round that the processes may live for; workers may end after some requests."""
    look.restarts += 1
    look.restarts_in_a_row += 1
    if look.restarts_in_a_row > MAX_RESTARTS_IN_A_ROW:
        raise Disturbed("the processes of the service change all the time; they cannot be measured")
    look.most_requests = max(size // 2, min(SHORTEST_LIFE, size))
    return look.most_requests
