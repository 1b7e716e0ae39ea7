"""The measurement of one service: it sends, measures and explains, and yields what happens as events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from sadpath.check.driver import Request, Sent
from sadpath.check.events import DecidedPath, Estimated, Event, PathsDecided, RoundDone, Standing
from sadpath.check.find import Plan
from sadpath.check.find.careful import Careful
from sadpath.check.measure.explain import cycles, explain, garbage
from sadpath.check.measure.garbage import Collections
from sadpath.check.measure.idle import background, explains, named
from sadpath.check.measure.rounds import Measurement, Trouble, TroubleKind
from sadpath.check.measure.schedule import PathMeasurements, Schedule
from sadpath.check.result import Background, Check, EndReason, PathResult
from sadpath.check.service.probes import NoAnswer
from sadpath.check.service.target import Target
from sadpath.check.settings import Settings
from sadpath.sources import Unreadable
from sadpath.verdict.rounds import garbage_interval, judge_garbage
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, FLAT_BELOW_IN_PAGES, Verdict

LIMIT_IS_CHECKED_EACH_S = 0.05

LIKE_ROUNDS = 3
"""As many rounds of a path as it is looked at for without requests."""

CYCLIC_TOGETHER = 32
"""Paths whose circles of references are looked for at once."""

BUDGETS_ARE_BY_S = 30
"""Seconds by which a budget is rounded up that is proposed."""

IDLE_S, IDLE_SHARE = 3.0, 0.5
"""Seconds without requests, and the share of what grew in such before, that show what a service does by itself."""

COMPARED = 100
"""Response times at the beginning and at the end of a path that are compared."""


class CutShort(Exception):  # noqa: N818 - no error of the program
    """The check cannot go on; what was measured stays."""

    def __init__(self, reason: EndReason, words: str) -> None:
        super().__init__(words)
        self.reason = reason


class Session:
    """Measures all paths of a plan within the budget and the memory limit, in bytes.

    `accepted` are the names of the paths whose leak a baseline knows.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that a measurement depends on
        self,
        target: Target,
        driver: Careful,
        plan: Plan,
        settings: Settings,
        *,
        memory_limit: int,
        accepted: frozenset[str] = frozenset(),
    ) -> None:
        self.connections = driver.connections
        self._target, self._driver, self._plan = target, driver, plan
        self._limit, self._accepted = memory_limit, accepted
        self._schedule = Schedule(
            plan.paths, settings.bytes_per_request, settings.budget_s, own_headers=settings.headers
        )
        self._environment = target.probes.versions() if target.probes else {}
        self._current = "it"
        self._requests = 0
        self._began, self._look_again = time.monotonic(), 0.0
        self._ended, self._ended_early = EndReason.FINISHED, ""
        self._said: list[str] = []
        self._collections = Collections(target.probes) if target.probes else None
        self._is_collected: bool | None = None
        self._background: Background | None = None
        sees_garbage = self._collections is not None and self._collections.is_off  # it is counted for each path alone
        self._glance = target.probes.glance if target.probes and not sees_garbage else None

    def events(self) -> Iterator[Event]:
        """Measure until all is decided, the budget ends, or something cuts it short; `check` has the reason then."""
        try:
            self._see_that_it_was_reached()  # by the requests that found its paths
            for step in self._schedule.run(self, self._target.settle, self._glance):
                self._current = step.name
                if line := self._estimate():
                    yield Estimated(line)
                yield RoundDone(step.name, step.rounds, self._standing())
                new = [one for one in step.measurements if one.is_decided and not one.is_explained]
                for measurement in new:
                    self._explain(measurement)
                if new:
                    yield self._decided(step.name, new)
            self._see_what_grows_by_itself()
            self._explain_cycles([one.first for one in self._schedule.paths])
            yield from self._garbage()
        except CutShort as reason:
            self.cut_short(reason.reason, str(reason))
        except (NoAnswer, Unreadable, OSError) as reason:
            why = self._target.why_it_ended()
            self.cut_short(EndReason.SERVICE_ENDED if why else EndReason.NO_ANSWER, why or str(reason))

    def cut_short(self, reason: EndReason, words: str) -> None:
        """Note that the check ends now."""
        self._ended, self._ended_early = reason, words

    def check(self) -> Check:
        """Return the check so far."""
        return Check(
            target=self._target.name,
            url=self._target.url,
            results=tuple(path_result(one, is_collected=self._is_collected) for one in self._schedule.paths),
            environment=self._environment,
            notes=(*self._plan.notes, *self._said, *self._left_out()),
            seconds=time.monotonic() - self._began,
            requests=self._requests,
            no_probe=self._target.why_no_probe,
            ended=self._ended,
            ended_early=self._ended_early,
            accepted=self._accepted,
            background=self._background,
            accepted_writes=tuple(dict.fromkeys((*self._plan.accepted_writes, *self._driver.accepted))),
        )

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send requests, and see after them that the service took them, and runs within its memory.

        Raises `CutShort`.
        """
        sent = self._driver.send(requests, count)
        self._requests += count
        if not sent.answered and (why := self._target.why_it_ended(patience_s=1.0)):
            raise CutShort(
                EndReason.SERVICE_ENDED,
                f"the service ended while {self._current} was measured: {why}; --exclude leaves a path out",
            )
        self._see_that_it_was_reached()
        self._see_that_it_has_room()
        return sent

    def _estimate(self) -> str:
        """Return how long it takes to decide all, once, in one line, where that is more than the budget."""
        needed_s, self._schedule.needed_s = self._schedule.needed_s, 0.0
        if needed_s <= self._schedule.budget_s:
            return ""
        budget = math.ceil(needed_s / BUDGETS_ARE_BY_S) * BUDGETS_ARE_BY_S
        return f"{len(self._schedule.paths):,} error paths, about {in_minutes(needed_s)}; --budget {budget} decides all"

    def _garbage(self) -> Iterator[Event]:
        """Find out whether anything collects the garbage of paths that make some while the collector is off."""
        makers = sorted(filter(makes_garbage, self._schedule.paths), key=garbage_bytes)
        if not makers or not self._collections:
            return
        worst = makers[-1].shown
        self._current = worst.path.name
        self._is_collected = self._collections.wait(self._load(worst), self._schedule.until)
        if self._is_collected:
            most = f"up to {garbage_bytes(makers[-1]):,.0f} bytes of garbage with each request"
            self._said.append(f"the service has switched its collector off and collects by itself: {most}")
        for path in makers:
            self._explain_garbage(path.shown)
            yield self._decided(path.shown.path.name, [path.shown])

    def _explain_garbage(self, measurement: Measurement) -> None:
        if self._is_collected is False and self._target.probes:
            found = garbage(self._target.probes, self._load(measurement))
            measurement.causes = (found, *measurement.causes)

    def _load(self, *measurements: Measurement) -> Callable[[int], object]:
        return lambda count: [self.send(one.requests(count), count) for one in measurements]

    def _decided(self, name: str, measurements: Sequence[Measurement]) -> PathsDecided:
        """Return what was decided, with the check so far: a garbage verdict is one of the whole check."""
        check = self.check()
        verdicts = {result.path.name: result.verdict for result in check.results}
        paths = (DecidedPath(one.path, one.distinct, self._shown(one, verdicts)) for one in measurements)
        return PathsDecided(name, tuple(paths), check, self._standing())

    def _shown(self, measurement: Measurement, verdicts: Mapping[str, Verdict]) -> Verdict:
        return verdicts[measurement.path.name] if self._is_collected is not None else measurement.verdict

    def _standing(self) -> Standing:
        paths = self._schedule.paths
        decided = sum(one.first.is_decided for one in paths)
        return Standing(decided, len(paths), self._requests, self._schedule.seconds_left)

    def _left_out(self) -> Iterator[str]:
        """Yield a note where smaller leaks were not looked for, and on flat paths that got no other inputs."""
        if self._schedule.is_coarse:
            yield (
                f"leaks below {FLAT_BELOW_IN_PAGES:g} bytes per request were not looked for, since the budget does not "
                f"suffice for {FLAT_BELOW_EXACT:g}"
            )
        left = len(self._schedule.unmeasured)
        if left and not self._schedule.seconds_left:
            paths = f"{left:,} flat path{'s were' if left > 1 else ' was'}"
            yield f"{paths} not measured with another value in each request: the budget ended before"

    def _explain(self, measurement: Measurement) -> None:
        """Find out what is to blame, and what a request leaves in reference cycles; a note says why if that fails."""
        measurement.is_explained = True
        if measurement.trouble:
            return
        try:
            if measurement.verdict.outcome == "leaks":
                measurement.trouble = self._growth_by_itself(measurement)
            if self._target.probes:
                self._explain_with(measurement)
        except (NoAnswer, Unreadable) as reason:
            self._said.append(f"{measurement.path.name}: its cause is not known, since {reason}")

    def _explain_with(self, measurement: Measurement) -> None:
        probes = self._target.probes
        assert probes is not None  # noqa: S101 - who calls this has asked

        load = self._load(measurement)
        if measurement.verdict.outcome == "leaks":
            starlette = self._environment.get("starlette", "")
            measurement.causes = explain(measurement.verdict.suspects, probes, load, starlette)
        if measurement.rounds and measurement.is_cyclic:
            measurement.causes += cycles(probes, load)

    def _see_what_grows_by_itself(self) -> None:
        """Look for it too where memory grew between requests, or the budget did not suffice to tell why it grew."""
        if self._schedule.idle_bytes and not self._background:
            found = background(self._target.settle, IDLE_S)
            if found.ci95[0] > 0 and found.bytes_per_second > IDLE_SHARE * self._schedule.idle_bytes:
                self._background = named(found, self._target.probes) if self._target.probes else found
        for one in (path.shown for path in self._schedule.paths):
            if one.rounds and one.grows and not one.is_decided:
                one.trouble = self._growth_by_itself(one)
                if not one.trouble:
                    return

    def _explain_cycles(self, measurements: Sequence[Measurement]) -> None:
        """Find what closes the circles of paths that were measured in groups: most are the framework's own."""
        left = [one for one in measurements if one.is_cyclic and not (one.rounds or one.trouble)]
        pending = [left[i : i + CYCLIC_TOGETHER] for i in range(0, len(left), CYCLIC_TOGETHER)]
        while self._target.probes and pending and self._schedule.seconds_left:
            group = pending.pop()
            self._current = group[0].path.name
            try:
                causes = cycles(self._target.probes, self._load(*group))
            except NoAnswer as reason:
                self._said.append(f"what closes circles of references is not known, since {reason}")
                return
            if len(group) == 1:
                group[0].causes += causes
            elif causes:
                pending += [group[: len(group) // 2], group[len(group) // 2 :]]

    def _growth_by_itself(self, measurement: Measurement) -> Trouble | None:
        """Return the trouble if the service does by itself what was taken for the path's; it is named once."""
        if not (self._background and explains(self._background, measurement)):
            found = background(self._target.settle, LIKE_ROUNDS * measurement.rounds_s / len(measurement.rounds))
            if not explains(found, measurement):
                return None
            self._background = named(found, self._target.probes) if self._target.probes else found
        return Trouble(TroubleKind.GROWS_BY_ITSELF, self._background.sentence)

    def _see_that_it_was_reached(self) -> None:
        """Raise `CutShort` if somebody else took requests; looked at where a connection was opened."""
        if name := self._target.stranger(self._driver.newly_opened()):
            option = " with --url" if self._target.child else ""
            raise CutShort(
                EndReason.ANOTHER_SERVICE,
                f"the requests to {self._target.url} went to {name}, not to what is measured: "
                f"end that process, or give the service's own address{option}",
            )

    def _see_that_it_has_room(self) -> None:
        """Raise `CutShort` if the service needs more than its limit; looked at now and then."""
        if self._target.process is None or time.monotonic() < self._look_again:
            return
        resident = self._target.resident_bytes()
        self._look_again = time.monotonic() + LIMIT_IS_CHECKED_EACH_S
        if resident > self._limit:
            raise CutShort(
                EndReason.OVER_MEMORY_LIMIT,
                f"the service needs {resident / 2**20:,.0f} MiB, more than its limit of "
                f"{self._limit / 2**20:,.0f} MiB (--memory-limit), while {self._current} was measured",
            )


def in_minutes(seconds: float) -> str:
    """Return a time in words: `2 min 40 s`."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def makes_garbage(path: PathMeasurements) -> bool:
    """Whether the verdict on a path depends on whether anything collects garbage."""
    return path_result(path, is_collected=True).verdict.outcome != path_result(path, is_collected=False).verdict.outcome


def garbage_bytes(path: PathMeasurements) -> float:
    """Return the bytes of garbage that a request leaves behind in a process that has its collector off."""
    return garbage_interval(path.shown.rounds)[0]


def path_result(path: PathMeasurements, *, is_collected: bool | None = None) -> PathResult:
    """Return what was found out about one path so far; `is_collected` is whether anything collects garbage but us.

    Growth that a bound will stop is no leak: it is inconclusive until it was seen to stop.
    """
    verdict, causes = path.verdict, path.shown.causes
    if not path.shown.trouble:
        verdict = judge_garbage(verdict, path.shown.rounds, is_collected=is_collected)
    if verdict.outcome == "leaks" and causes and causes[0].bound:
        reason = f"{causes[0].held_by} fills, up to {causes[0].bound:,} elements; run longer to see it stop"
        verdict = replace(verdict, outcome="inconclusive", reason=reason)
    return PathResult(
        path=path.first.path,
        verdict=replace(verdict, cyclic_objects_per_request=path.shown.cyclic_objects),
        causes=causes,
        notes=tuple(_notes(path.second)),
        garbage_bytes=garbage_bytes(path),
        first_ms=_median_ms(path.first.seconds[:COMPARED]),
        last_ms=_median_ms(path.first.seconds[-COMPARED:]),
    )


def _notes(second: Measurement | None) -> Iterator[str]:
    if second and second.is_begun and second.verdict.outcome == "inconclusive" and not second.trouble:
        yield f"with other inputs each time: {second.verdict.reason}"


def _median_ms(seconds: Sequence[float]) -> float | None:
    return round(1000 * median(seconds), 2) if seconds else None
