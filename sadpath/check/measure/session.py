"""A check while it is measured: looks at the paths, what was explained, and the results so far."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

from sadpath.check.drive.driver import Driver
from sadpath.check.measure import explain as cause
from sadpath.check.measure import outside as from_outside
from sadpath.check.measure.rounds import Look, grows_by_itself
from sadpath.check.measure.schedule import Pace, Schedule, combined
from sadpath.check.result import Cause, Check, PathResult, Plan, Request, Sent
from sadpath.check.service.environment import environment_of
from sadpath.check.service.probes import NoAnswer
from sadpath.check.service.start import Target
from sadpath.check.settings import Settings
from sadpath.errors import CommandError
from sadpath.verdict.rounds import growing_suspects

OVER_LIMIT = "the service needs"

LIMIT_IS_CHECKED_EACH_S = 0.05

COMPARED = 100
"""Response times at the beginning and at the end of a path that are compared."""


class Measuring:
    """The measurement of all paths of a plan. `ended_early` is why it did, if so, and `interrupted` the exit status
    that a signal asked for.
    """

    def __init__(self, target: Target, driver: Driver, plan: Plan, settings: Settings, memory_limit: int) -> None:
        self.target, self.plan, self.settings = target, plan, settings
        self.ended_early, self.interrupted = "", 0
        self.schedule = Schedule(plan.paths, Pace(settings.budget_s, settings.bytes_per_request))
        self.requests = 0
        self.connections = driver.connections
        self.current: Look | None = None
        self._driver, self._limit = driver, memory_limit
        self._began = time.monotonic()
        self._look_again = 0.0
        self._explained: dict[int, tuple[Cause, ...]] = {}
        self._environment = environment_of(target)

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send requests, and see after them that the service still runs within its memory. Raises `CommandError`."""
        sent = self._driver.send(requests, count)
        self.requests += count
        if not sent.answered and (why := self.target.why_it_ended(patience_s=1.0)):
            raise CommandError(
                f"the service ended while {self._path_name()} was measured: {why}; --exclude leaves a path out"
            )
        self._see_that_it_has_room()
        return sent

    def run(self) -> Iterator[bool]:
        """Measure; yields after each round, and whether a path was decided by it."""
        if self.target.probes is None:
            yield from from_outside.run(self)
            return
        probes = self.target.probes
        for look in self.schedule.run(self, probes.settle):
            self.current = look
            decided = look.is_decided and id(look) not in self._explained
            if decided:
                self._explain(look)
            yield decided

    def check(self) -> Check:
        """Return the check so far."""
        results = [self._result(look) for look in self.schedule.looks]
        return Check(
            target=self.target.name,
            url=self.target.url,
            results=tuple(results),
            environment=self._environment,
            notes=(*self.plan.notes, *self._left_out()),
            seconds=time.monotonic() - self._began,
            flat_below=self.settings.bytes_per_request,
            requests=self.requests,
            no_probe=self.target.why_no_probe,
            ended_early=self.ended_early,
        )

    def _left_out(self) -> Iterator[str]:
        """Yield a note on the flat paths that the budget left no time to measure with other inputs."""
        flat = {id(look.path) for look in self.schedule.looks if look.verdict.outcome == "flat"}
        left = [look for look in self.schedule.distinct_looks if id(look.path) in flat and not look.rounds]
        if left and not self.schedule.seconds_left:
            paths = f"{len(left):,} flat path{'s were' if len(left) > 1 else ' was'}"
            yield f"{paths} not measured with another value in each request: the budget ended before"

    def _explain(self, look: Look) -> None:
        """Find out what is to blame, and what a request leaves in reference cycles; unexplained if that fails."""
        self._explained[id(look)] = ()
        probes = self.target.probes
        if look.trouble or probes is None:
            return

        def load(count: int) -> Sent:
            return self.send(look.requests(count), count)

        try:
            if look.verdict.outcome == "leaks" and not growing_suspects(look.rounds):
                look.trouble = grows_by_itself(look, probes.settle)
            if look.verdict.outcome == "leaks" and not look.trouble:
                self._explained[id(look)] = cause.explain(look, probes, load, self._environment.get("starlette", ""))
            if _cyclic(look) >= cause.IS_CYCLIC:
                self._explained[id(look)] += cause.cycles(probes, load)
        except NoAnswer:
            return

    def _result(self, look: Look) -> PathResult:
        second = next((one for one in self.schedule.distinct_looks if one.path is look.path), None)
        verdict = combined(look, second if second and second.rounds else None)
        leaks_by_second = verdict.outcome == "leaks" and look.verdict.outcome != "leaks"
        shown = second if second is not None and leaks_by_second else look
        causes = self._explained.get(id(shown), ())
        if verdict.outcome == "leaks" and causes and causes[0].bound:
            reason = f"{causes[0].held_by} fills, up to {causes[0].bound:,} elements; run longer to see it stop"
            verdict = replace(verdict, outcome="inconclusive", reason=reason)
        return PathResult(
            path=look.path,
            verdict=replace(verdict, cyclic_objects_per_request=_cyclic(shown) if shown.cyclic else None),
            causes=causes,
            notes=tuple(_notes(second)),
            first_ms=_median_ms(look.seconds[:COMPARED]),
            last_ms=_median_ms(look.seconds[-COMPARED:]),
        )

    def _see_that_it_has_room(self) -> None:
        """Raise `CommandError` if the service needs more than its limit; looked at now and then."""
        if self.target.process is None or time.monotonic() < self._look_again:
            return
        resident = self.target.resident_bytes()
        self._look_again = time.monotonic() + LIMIT_IS_CHECKED_EACH_S
        if resident > self._limit:
            raise CommandError(
                f"{OVER_LIMIT} {resident / 2**20:,.0f} MiB, more than its limit of "
                f"{self._limit / 2**20:,.0f} MiB (--memory-limit), while {self._path_name()} was measured"
            )

    def _path_name(self) -> str:
        return self.current.path.name if self.current else "it"


def _notes(second: Look | None) -> Iterator[str]:
    if second is not None and second.rounds and second.verdict.outcome == "inconclusive" and not second.trouble:
        yield f"with other inputs each time: {second.verdict.reason}"


def _cyclic(look: Look) -> float:
    """Return the objects in reference cycles that a request leaves: a median, since other threads make some too."""
    return median(look.cyclic) if look.cyclic else 0.0


def _median_ms(seconds: Sequence[float]) -> float | None:
    return round(1000 * median(seconds), 2) if seconds else None
