"""Look at every error path with a few requests: how long they take, what garbage they make, what grows at a glance.

A traceback that grows and exceptions that are kept are seen at once, so such a path is measured before the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sadpath.check.measure.rounds import Disturbed, Glance, Measurement, Sender, grown_between, send
from sadpath.verdict.rounds import Round
from sadpath.verdict.verdict import Suspect

LOOKED_AT = 4
"""Requests of each path."""

GROWS_BY = LOOKED_AT
"""Traceback entries, or live exceptions, by which what is worth a closer look grows: one for each request."""


def screened(
    measurements: Sequence[Measurement], sender: Sender, glance: Glance, has_time: Callable[[], bool]
) -> list[Measurement]:
    """Send each path a few requests; returns those that grow at a glance. What is disturbed has its trouble then.

    Ends once there is no time for it.
    """
    glance()
    for one in measurements:
        if has_time():
            _look(one, sender, glance)
    before = glance(census=True)
    grows_anyway = frozenset(_entries(grown_between(1, before, glance(census=True))))
    left = [one for one in measurements if not one.trouble]
    return _growing(left, sender, glance, grows_anyway, has_time)


def _look(one: Measurement, sender: Sender, glance: Glance) -> None:
    try:
        one.seconds += send(one, sender, LOOKED_AT).seconds
    except Disturbed as reason:
        one.trouble = reason.trouble
        return
    collected = glance().collected
    if collected is not None:
        one.cyclic.append(collected / LOOKED_AT)


def _growing(
    measurements: Sequence[Measurement],
    sender: Sender,
    glance: Glance,
    but: frozenset[Suspect],
    has_time: Callable[[], bool],
) -> list[Measurement]:
    """Return which of them grow, by halves of those that grow together; `but` grows without a request."""
    if not measurements or not has_time():
        return []
    before = glance(census=True)
    for one in measurements:
        try:
            send(one, sender, LOOKED_AT)
        except Disturbed as reason:
            one.trouble = reason.trouble
    if not _grows(grown_between(LOOKED_AT, before, glance(census=True)), but):
        return []
    if len(measurements) == 1:
        return list(measurements)
    half = len(measurements) // 2
    return [
        *_growing(measurements[:half], sender, glance, but, has_time),
        *_growing(measurements[half:], sender, glance, but, has_time),
    ]


def _grows(one: Round, but: frozenset[Suspect]) -> bool:
    entries = sum(grown for suspect, grown in _entries(one).items() if suspect not in but)
    return entries >= GROWS_BY or (one.live_exceptions or 0) >= GROWS_BY


def _entries(one: Round) -> dict[Suspect, int]:
    return dict(one.entries or {})
