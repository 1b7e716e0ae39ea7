"""Look at every error path with a few requests: how long they take, what garbage they make, what grows at a glance.

A traceback that grows and exceptions that are kept are seen at once, so such a path is measured before the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sadpath.check.measure.rounds import Disturbed, Glance, Measurement, Sender, grown_between, send
from sadpath.check.service.probes import Snapshot
from sadpath.verdict.rounds import Round
from sadpath.verdict.verdict import Suspect

LOOKED_AT = 4
"""Requests of each path."""

CENSUS_IS_CHEAP_S = 0.02
"""A census that takes less is taken for each path, else for many: one path may let go of what another leaves."""

GROWS_BY = LOOKED_AT
"""Traceback entries, or live exceptions, by which what is worth a closer look grows: one for each request."""


def screened(
    measurements: Sequence[Measurement], sender: Sender, glance: Glance, has_time: Callable[[], bool]
) -> list[Measurement]:
    """Send each path a few requests; returns those that grow at a glance. What is disturbed has its trouble then.

    Ends once there is no time for it.
    """
    before, census_s = _timed(glance)
    grows_anyway = frozenset(_entries(grown_between(1, before, glance(census=True))))
    is_cheap = census_s < CENSUS_IS_CHEAP_S
    found = [
        one for one in measurements if has_time() and _look(one, sender, glance, grows_anyway, with_census=is_cheap)
    ]
    if is_cheap:
        return found
    left = [one for one in measurements if not one.trouble]
    return _growing(left, sender, glance, grows_anyway, has_time)


def _timed(glance: Glance) -> tuple[Snapshot, float]:
    glance(census=True)  # the first one imports what it needs
    began = time.monotonic()
    return glance(census=True), time.monotonic() - began


def _look(one: Measurement, sender: Sender, glance: Glance, but: frozenset[Suspect], *, with_census: bool) -> bool:
    """Note the garbage of a few requests of a path; returns whether it grows, where a census tells."""
    before = glance(census=with_census)
    try:
        one.seconds += send(one, sender, LOOKED_AT).seconds
    except Disturbed as reason:
        one.trouble = reason.trouble
        return False
    after = glance(census=with_census)
    if after.collected is not None:
        one.cyclic.append(after.collected / LOOKED_AT)
    return with_census and _grows(grown_between(LOOKED_AT, before, after), but)


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
