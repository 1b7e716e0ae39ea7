"""Measure without a probe: continuous samples of the target's memory against the requests that were sent.

The interval is wide, and there is no cause; both are said.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from sadpath.check.measure.rounds import Disturbed, Look, Sender, send
from sadpath.check.measure.schedule import Schedule, warm_up
from sadpath.check.service.start import Target
from sadpath.check.settings import Settings
from sadpath.sources import Reading, Unreadable
from sadpath.verdict.samples import Series, judge_samples
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES, Verdict

SAMPLES = 40
REQUESTS_PER_SAMPLE = 50
LEAST_SAMPLES = 20


class Sampled(Look):
    """A look whose verdict is that of samples, not of rounds."""

    outside: Verdict | None = None

    @property
    def verdict(self) -> Verdict:
        """What the samples decide."""
        return self.outside or Verdict("inconclusive", "not measured within the budget")


class Measuring(Sender, Protocol):
    """A measurement: `sadpath.check.measure.session.Measuring`."""

    target: Target
    settings: Settings
    schedule: Schedule
    current: Look | None


def run(measuring: Measuring) -> Iterator[bool]:
    """Measure each path once, with an equal part of the budget; yields after each sample, and whether it decided."""
    looks = [Sampled(**vars(look)) for look in measuring.schedule.looks]
    measuring.schedule.looks[:] = looks
    measuring.schedule.distinct_looks.clear()
    warm_up(measuring, [look.path for look in looks], measuring.schedule.seconds_left)
    for number, look in enumerate(looks):
        measuring.current = look
        until = time.monotonic() + measuring.schedule.seconds_left / (len(looks) - number)
        try:
            yield from _measure(look, measuring, until)
        except Disturbed as reason:
            look.trouble = str(reason)
        yield True


def _measure(look: Sampled, measuring: Measuring, until: float) -> Iterator[bool]:
    readings: list[Reading] = []
    served, why = 0, ""
    send(look, measuring, 2 * measuring.connections)
    while len(readings) < SAMPLES and time.monotonic() < until:
        look.seconds += send(look, measuring, REQUESTS_PER_SAMPLE).seconds
        served += REQUESTS_PER_SAMPLE
        try:
            readings.append(replace(measuring.target.read(), requests=served))
        except Unreadable as reason:
            why = str(reason)
            if not readings:
                break
        look.outside = _judged(readings, max(measuring.settings.bytes_per_request, FLAT_BELOW_IN_PAGES))
        yield False
        if len(readings) >= LEAST_SAMPLES and look.outside.outcome != "inconclusive":
            return
    if not readings:
        raise Disturbed(f"its memory cannot be read: {why}" if why else "not measured within the budget")


def _judged(readings: list[Reading], flat_below: float) -> Verdict:
    """Judge the readings, by process lifetime."""
    lifetimes: list[list[Reading]] = []
    for reading in readings:
        if not lifetimes or lifetimes[-1][-1].start_time_s != reading.start_time_s:
            lifetimes.append([])
        lifetimes[-1].append(reading)
    series = [Series([one.requests or 0 for one in part], [one.memory_bytes for one in part]) for part in lifetimes]
    return judge_samples(series, flat_below=flat_below)
