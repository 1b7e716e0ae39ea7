"""What a service does without any request: a thread or a loop of its own may leak, which is no error path's fault."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sadpath.check.measure.explain import Asked, Per, grown, reused
from sadpath.check.measure.rounds import Measurement, Settle, grown_between
from sadpath.check.result import Background
from sadpath.verdict.rounds import Round, judge_rounds
from sadpath.verdict.verdict import Suspect

IDLE_ROUNDS, LEAST_S = 5, 0.5
"""Rounds without requests, each a part of the time, and seconds for which they take at least."""

MOST_OF_IT = 0.5
"""The share of the growth under load from which on growth without requests explains it."""

NAMED_WITHIN_S = 5.0
"""Seconds of growth, of which what grows is named."""

LEAST_NAMED = 30
"""Objects that must have come in that time: what a service makes now and then is no leak."""


def background(settle: Settle, seconds: float) -> Background:
    """Return by how much memory and tracebacks grow without a request, looked at for so many seconds.

    Raises what the settle raises.
    """
    rounds = []
    before, began = settle(begins_round=True), time.monotonic()
    for left in range(IDLE_ROUNDS, 0, -1):
        time.sleep(max(seconds, LEAST_S) / IDLE_ROUNDS)
        after, ended = settle(begins_round=left > 1), time.monotonic()
        rounds.append(grown_between(max(1, round(1000 * (ended - began))), before, after))
        before, began = after, ended
    verdict = judge_rounds(rounds)  # its requests are milliseconds
    low, high = verdict.ci95
    return Background(1000 * verdict.bytes_per_request, (1000 * low, 1000 * high), entries=_entries(rounds))


def _entries(rounds: Sequence[Round]) -> dict[Suspect, float]:
    """Return by how many entries a second those tracebacks grew that did so nearly all the time.

    A new exception has a traceback in one round, and of many those that are listed change.
    """
    seconds = sum(one.requests for one in rounds) / 1000
    grown = [(suspect, entries) for one in rounds for suspect, entries in (one.entries or {}).items()]
    times = Counter(suspect for suspect, _ in grown)
    total: Counter[Suspect] = Counter()
    for suspect, entries in grown:
        total[suspect] += entries * (times[suspect] >= len(rounds) - 1)
    return {suspect: entries / seconds for suspect, entries in total.items() if entries}


def explains(found: Background, measurement: Measurement) -> bool:
    """Whether what a service does by itself explains most of what was taken for a path's."""
    seconds, verdict = measurement.rounds_s, measurement.verdict
    if verdict.suspects:
        of_path = {suspect: rate * verdict.requests for suspect, rate in verdict.suspects.items()}
        return all(found.entries.get(suspect, 0.0) * seconds >= MOST_OF_IT * by for suspect, by in of_path.items())
    loaded = sum(one.grown_bytes or 0.0 for one in measurement.rounds)
    return found.bytes_per_second * seconds >= MOST_OF_IT * loaded


def named(found: Background, probes: Asked) -> Background:
    """Return the growth with what it is that grows. Raises `NoAnswer`."""
    if found.entries:
        return replace(found, causes=reused(found.entries, probes))
    per = Per("each second", NAMED_WITHIN_S, LEAST_NAMED)
    return replace(found, causes=grown(probes, lambda: time.sleep(NAMED_WITHIN_S), per))
