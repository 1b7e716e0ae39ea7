"""Decide from rounds of an exact number of requests, after each of which the bytes in use were counted.

Between two counts nothing but the round happened, so each round is a figure of its own: what the process kept for each
of its requests. Pure functions: no clock, no input or output.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np

from sadpath.verdict.slope import student_t
from sadpath.verdict.verdict import (
    FLAT_BELOW_EXACT,
    LEVELS_OFF,
    MIN_OF_A_LEAK,
    MIN_ROUNDS,
    PARTS,
    PROOF_ENTRIES_PER_REQUEST,
    Outcome,
    Suspect,
    Verdict,
)


@dataclass(frozen=True)
class Round:
    """What a round of requests left behind, in all processes of a target together.

    `grown_bytes` is None where memory could not be read. `entries` is by how much the traceback of each exception grew,
    of those that were there before and after the round; `live_exceptions` is how many more there are. Both are None
    where nothing is known of the objects, as from outside. `garbage_bytes` is what was freed by the collection at the
    end of the round, of processes that have their collector off; None where that is not known.
    """

    requests: int
    grown_bytes: float | None
    live_exceptions: int | None = 0
    entries: Mapping[Suspect, int] | None = field(default_factory=dict)
    garbage_bytes: float | None = None


def judge_rounds(
    rounds: Sequence[Round], *, flat_below: float = FLAT_BELOW_EXACT, hidden_bytes: float = 0.0
) -> Verdict:
    """Judge one error path by its rounds, in the order in which they were sent.

    An exception whose traceback grew in every round is proof of a leak. Without one memory decides: it leaks where the
    whole 95% CI is above `flat_below` bytes per request over `MIN_OF_A_LEAK` rounds, and the growth neither
    levels off nor came in one step. It is flat where the interval is below, or where that of the second half of as many
    rounds is: a cache filled in the first. `hidden_bytes` may have been kept without being seen, so they count towards
    the upper bound, and the rounds before growth was first seen are left out. Never raises; too few rounds are
    inconclusive.
    """
    usable: Sequence[Round] = [one for one in rounds if one.requests > 0 and one.grown_bytes is not None]
    if hidden_bytes:
        usable = _seen(usable, flat_below)
    growth = [(one.grown_bytes or 0.0) / one.requests for one in usable]
    mean, low, high = _interval(usable)
    suspects = growing_suspects(usable)
    outcome, reason = _decide(usable, growth, suspects, flat_below, hidden_bytes)
    requests = sum(one.requests for one in usable)
    return Verdict(
        outcome,
        reason,
        samples=len(usable),
        requests=requests,
        bytes_per_request=mean,
        ci95=(low, high),
        traceback_entries_per_request=sum(suspects.values()) if usable and _knows_entries(usable) else None,
        suspects=suspects,
        flat_below=flat_below,
    )


def judge_garbage(retained: Verdict, rounds: Sequence[Round], *, is_collected: bool | None) -> Verdict:
    """Judge one error path by what it retains and by the garbage that its rounds made while the collector was off.

    `is_collected` is whether anything collects it all the same, None where that is not known yet. If not, the path
    leaks too where the whole 95% CI of the garbage of a request is above the threshold.
    """
    mean, low, high = garbage_interval(rounds)
    if is_collected or retained.outcome == "leaks" or not low > retained.flat_below:
        return retained
    found = replace(retained, bytes_per_request=mean, ci95=(low, high))
    if is_collected is None:
        reason = "this is garbage: the collector is off, and whether the service collects is not known; run longer"
        return replace(found, outcome="inconclusive", reason=reason)
    return replace(found, outcome="leaks", reason="this is garbage: the collector is off, and nothing else collects")


def garbage_interval(rounds: Sequence[Round]) -> tuple[float, float, float]:
    """Return the bytes of garbage per request and the bounds of their 95% CI, NaN where that is unknown."""
    return _interval([replace(one, grown_bytes=one.garbage_bytes) for one in rounds if one.garbage_bytes is not None])


@dataclass
class Noise:
    """What disturbs the counts of a service, in bytes, as many of its rounds show it.

    It hardly depends on the number of requests and on which they are, so every group of paths tells something of it;
    one that is wilder speaks for itself.
    """

    squares: float = 0.0
    freedom: int = 0

    def add(self, rounds: Sequence[Round]) -> None:
        """Take what rounds differ from the line through them into account; with no requests, from their mean."""
        if len(rounds) < 2:  # noqa: PLR2004 - which differ from nothing
            return
        grown = np.array([one.grown_bytes or 0.0 for one in rounds])
        requests = np.array([one.requests or 1 for one in rounds], dtype=float)
        self.squares += float(np.sum((grown - requests * (requests @ grown) / (requests @ requests)) ** 2))
        self.freedom += len(rounds) - 1

    def with_those_of(self, rounds: Sequence[Round]) -> Noise:
        """Return the noise of these rounds as well."""
        every = Noise(self.squares, self.freedom)
        every.add(rounds)
        return every

    @property
    def deviation(self) -> float:
        """The standard deviation of a round, in bytes."""
        return math.sqrt(self.squares / self.freedom) if self.freedom > 0 else 0.0

    def half_width(self, weight: float) -> float:
        """Return half of the 95% CI of bytes per request, of rounds with such a sum of squared requests."""
        return student_t(self.freedom) * self.deviation / math.sqrt(weight)

    def enough_requests(self, flat_below: float) -> int:
        """Return how many requests of each path a round needs, for a few rounds to tell `flat_below` from zero."""
        return math.ceil(self.half_width(MIN_ROUNDS) / flat_below) if self.freedom > 0 else 1


def growth_of_idle_rounds(rounds: Sequence[Round]) -> float:
    """Return by how many bytes memory grows at least in a round without requests; 0 where that may be none."""
    if len(rounds) < MIN_ROUNDS:
        return 0.0
    _, low, _ = _interval([replace(one, requests=1) for one in rounds])
    return max(low, 0.0)


WILD = 2.0
"""How many times the deviation of all rounds that of a group may have, before it speaks for itself alone."""


def judge_group(rounds: Sequence[Round], paths: int, noise: Noise, *, flat_below: float = FLAT_BELOW_EXACT) -> Verdict:
    """Judge a number of error paths by rounds that sent as many requests of each; `requests` are those of one path.

    Where the sum of what they retain is less than one that leaks would, none leaks, unless memory falls: that may hide
    one. `noise` is that of all rounds but these. *Flat* is to be taken after three rounds, six or nine: each look more
    is a chance more to be wrong. Never raises; too few rounds are inconclusive.
    """
    usable = [one for one in rounds if one.grown_bytes is not None]
    suspects = growing_suspects(usable)
    together = Verdict("inconclusive", "", len(usable), sum(one.requests for one in usable), suspects=suspects)
    entries = sum(suspects.values()) if usable and _knows_entries(usable) else None
    together = replace(together, flat_below=flat_below, together=paths, traceback_entries_per_request=entries)
    if len(usable) < MIN_ROUNDS:
        return replace(together, reason=f"not enough data: {len(usable)} of {MIN_ROUNDS} rounds")
    slope, half = _pooled(usable, noise)
    together = replace(together, bytes_per_request=slope, ci95=(slope - half, slope + half))
    threshold = f"{flat_below:,.0f} bytes per request"
    if suspects or slope - half > flat_below:
        return replace(together, outcome="leaks", reason=f"one of {paths:,} error paths together grows, or several do")
    if slope + half < -flat_below:
        reason = f"memory falls by more than {threshold}, which may hide a leak; give it a larger budget"
        return replace(together, reason=reason)
    if slope + half < flat_below:
        reason = f"growth of {threshold} is ruled out for {paths:,} error paths together"
        return replace(together, outcome="flat", reason=reason)
    reason = f"cannot tell {threshold} from zero for {paths:,} error paths together; give it a larger budget"
    return replace(together, reason=reason)


def _pooled(rounds: Sequence[Round], noise: Noise) -> tuple[float, float]:
    """Return the bytes per request, and half of their 95% CI."""
    own, every = Noise().with_those_of(rounds), noise.with_those_of(rounds)
    is_wild = noise.freedom > 0 and own.deviation > WILD * noise.deviation
    weight = float(sum(one.requests**2 for one in rounds))
    slope = sum(one.requests * (one.grown_bytes or 0.0) for one in rounds) / weight
    return slope, (own if is_wild else every).half_width(weight)


def growing_suspects(rounds: Sequence[Round]) -> dict[Suspect, float]:
    """Return by how many entries per request the traceback of each exception grew, the fastest first.

    Of those that grew in every round, by a quarter of their mean at least: an exception that was raised once is none.
    """
    if len(rounds) < MIN_ROUNDS or not _knows_entries(rounds):
        return {}
    total: Counter[Suspect] = Counter()
    for one in rounds:
        total.update(one.entries or {})
    requests = sum(one.requests for one in rounds)
    rates = {suspect: entries / requests for suspect, entries in total.items()}
    grown = {
        suspect: rate
        for suspect, rate in rates.items()
        if rate >= PROOF_ENTRIES_PER_REQUEST
        and all((one.entries or {}).get(suspect, 0) >= rate * one.requests / 4 for one in rounds)
    }
    return dict(sorted(grown.items(), key=lambda item: (-item[1], item[0])))


def _seen(rounds: Sequence[Round], flat_below: float) -> Sequence[Round]:
    """Return the rounds from the first on in which memory grew by the threshold, if these are enough to tell a leak.

    Before it, what was kept may have come to lie where there was room. All rounds, if there is no such one.
    """
    growth = [(one.grown_bytes or 0.0) / one.requests for one in rounds]
    first = next((number for number, grown in enumerate(growth) if grown > flat_below), 0)
    return rounds[first:] if len(rounds) - first >= MIN_OF_A_LEAK else rounds


def _knows_entries(rounds: Sequence[Round]) -> bool:
    return all(one.entries is not None for one in rounds)


def _interval(rounds: Sequence[Round]) -> tuple[float, float, float]:
    """Return the bytes per request and the bounds of their 95% confidence interval; unknown of too few rounds.

    The slope of a line through the origin by least squares, with Student's t: what disturbs a count, such as a buffer
    that comes or goes, is as large after many requests as after few, so a round with more of them says more.
    """
    if len(rounds) < MIN_ROUNDS:
        return math.nan, math.nan, math.nan
    requests = np.array([one.requests for one in rounds], dtype=float)
    grown = np.array([one.grown_bytes or 0.0 for one in rounds])
    weight = float(requests @ requests)
    slope = float(requests @ grown) / weight
    residual = float(np.sqrt(np.sum((grown - slope * requests) ** 2) / (len(rounds) - 1)))
    half = student_t(len(rounds) - 1) * residual / math.sqrt(weight)
    return slope, slope - half, slope + half


def _decide(
    rounds: Sequence[Round],
    growth: Sequence[float],
    suspects: Mapping[Suspect, float],
    flat_below: float,
    hidden_bytes: float,
) -> tuple[Outcome, str]:
    if len(growth) < MIN_ROUNDS:
        return "inconclusive", f"not enough data: {len(growth)} of {MIN_ROUNDS} rounds"
    if suspects:
        return "leaks", f"the traceback of an exception grows by {max(suspects.values()):.1f} entries per request"
    low = _interval(rounds)[1]
    threshold = f"{flat_below:,.0f} bytes per request"
    if _upper_bound(rounds, hidden_bytes) < flat_below:
        return "flat", f"growth of {threshold} is ruled out"
    if _has_levelled(rounds, flat_below, hidden_bytes):
        return "flat", f"memory grew at first, as a cache does that fills, and then by less than {threshold}"
    if low <= flat_below:
        return "inconclusive", f"cannot tell {threshold} from zero with 95% confidence; give it a larger budget"
    doubt = _doubt(growth)
    kept = "each request leaves an exception object behind" if _keeps_exceptions(rounds) else ""
    return ("inconclusive", doubt) if doubt else ("leaks", kept or f"the whole 95% CI is above {threshold}")


def _upper_bound(rounds: Sequence[Round], hidden_bytes: float) -> float:
    """Return what growth cannot have passed, in bytes per request."""
    return _interval(rounds)[2] + hidden_bytes / sum(one.requests for one in rounds)


def _has_levelled(rounds: Sequence[Round], flat_below: float, hidden_bytes: float) -> bool:
    """Whether the second half of the rounds rules out growth, of enough rounds to tell a leak from a filling cache."""
    latter = rounds[len(rounds) // 2 :]
    return len(rounds) >= MIN_OF_A_LEAK and _upper_bound(latter, hidden_bytes) < flat_below


def _doubt(growth: Sequence[float]) -> str:
    """Return in words why growth may be no leak; empty where it is as steady as a leak's."""
    if len(growth) < MIN_OF_A_LEAK:
        found = f"{len(growth)} of {MIN_OF_A_LEAK} rounds"
        return f"memory grows, but {found} are too few to tell a leak from a cache that fills; give it a larger budget"
    halves = [float(np.median(half)) for half in np.array_split(growth, 2)]
    if halves[1] < LEVELS_OFF * halves[0]:
        return "memory grows more slowly towards the end, as a cache does that fills; a leak keeps its pace"
    floor = fmean(growth) / 4
    if not all(float(np.median(part)) > floor for part in np.array_split(growth, PARTS)):
        return "memory stepped up instead of growing with each round"
    return ""


def _keeps_exceptions(rounds: Sequence[Round]) -> bool:
    """Whether there were more exceptions after each round, by about one for each request or for a part of them."""
    return all((one.live_exceptions or 0) >= PROOF_ENTRIES_PER_REQUEST * one.requests for one in rounds)
