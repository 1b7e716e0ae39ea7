"""How an error path is measured round by round: what disturbs a count, and what is done about it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from sadpath.check.driver import Request, Sent
from sadpath.check.find import ErrorPath
from sadpath.check.measure import rounds
from sadpath.check.measure.rounds import Calmed, Disturbed, Measurement, identical, visit
from sadpath.check.measure.schedule import PathMeasurements, Schedule, warm_up
from sadpath.check.measure.session import path_result
from sadpath.check.result import Cause, CauseKind
from sadpath.check.service.probes import Snapshot, Traceback
from sadpath.sources import Unreadable
from sadpath.verdict.rounds import Round
from sadpath.verdict.verdict import Suspect

PATH = ErrorPath("GET", "/users/{id}", 404, Request("GET", "/users/1"))


@dataclass
class Service:
    """A service that keeps some bytes of each request, and what a look leaves behind: fewer with each look.

    From outside it is not exact: what it keeps is seen once that is more than the `hidden` bytes that it had free.
    """

    keeps: float = 0.0
    keeps_a_second: float = 0.0
    a_look_keeps: list[int] = field(default_factory=list)
    pids: list[tuple[int, ...]] = field(default_factory=lambda: [(1,)])
    status: int = 404
    in_use: float = 1e6
    hidden: float = 0.0
    is_exact: bool = True
    sent: list[int] = field(default_factory=list)
    looks: int = 0
    connections: int = 1

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Answer all."""
        del requests
        self.sent.append(count)
        self.in_use += self.keeps * count
        return Sent({self.status: count}, {}, (0.001,) * count)

    def settle(self, *, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Count, and keep what a look keeps."""
        del begins_round, watched_s
        in_use = self.in_use + self.keeps_a_second * time.monotonic()
        pids = self.pids[min(self.looks, len(self.pids) - 1)]
        settled = Snapshot(pids, len(pids), in_use, None)
        if not self.is_exact:
            settled = Snapshot(pids, len(pids), None, max(self.in_use, 1e6 + self.hidden))
        self.in_use += self.a_look_keeps.pop(0) if self.a_look_keeps else 0
        self.looks += 1
        return settled


@pytest.fixture(autouse=True)
def no_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no process that needs one."""
    monkeypatch.setattr(rounds, "REST_S", 0.0)
    monkeypatch.setattr(rounds, "LONG_REST_S", 0.0)


def looked_at(service: Service, most: int = 4) -> Measurement:
    """A look after one visit."""
    look = Measurement(PATH, identical(PATH), flat_below=100)
    for _ in visit(look, service, service.settle, most):
        pass
    return look


def test_a_steady_path_needs_three_rounds() -> None:
    """Of fifty requests, after as few as its connections keep alive."""
    service = Service()
    assert looked_at(service).verdict.outcome == "flat"
    assert service.sent == [2, 50, 50, 50]


def test_a_further_visit_has_longer_rounds() -> None:
    """Twice as many requests each time."""
    service, look = Service(keeps=150.0), Measurement(PATH, identical(PATH), flat_below=100)
    for _ in range(5):
        for _ in visit(look, service, service.settle, 1):
            pass
    assert service.sent[1::2] == [50, 100, 200, 400, 400]


def test_a_round_in_which_a_process_was_replaced_does_not_count() -> None:
    """The next one is shorter."""
    service = Service(pids=[(1,), (2,), (2,)])
    look = looked_at(service)
    assert [one.requests for one in look.rounds] == [25, 25, 25]
    assert look.restarts == 1


def test_processes_that_change_all_the_time_cannot_be_measured() -> None:
    """It says so, after some rounds."""
    service = Service(pids=[(pid,) for pid in range(50)])
    with pytest.raises(Disturbed, match="change all the time"):
        looked_at(service, most=20)


def test_memory_alone_does_not_convict_where_processes_are_replaced() -> None:
    """They grow while they are cold."""
    drifts, leaks = (Measurement(PATH, identical(PATH), flat_below=100, restarts=3) for _ in range(2))
    drifts.rounds, leaks.rounds = [Round(25, 25 * 200.0)] * 24, [Round(25, 25 * 2000.0)] * 24
    assert (drifts.verdict.outcome, leaks.verdict.outcome) == ("inconclusive", "leaks")
    assert "replaced 3 times" in drifts.verdict.reason


def test_another_status_is_a_disturbance() -> None:
    """A path is what it answers with."""
    with pytest.raises(Disturbed, match="2 of 2 requests were answered with 200"):
        looked_at(Service(status=200))


def test_a_new_process_is_looked_at_until_a_look_leaves_little() -> None:
    """The first looks load what the probe needs; a process that is known is looked at once."""
    service = Service(a_look_keeps=[20_000, 3000, 700, 100, 0, 0, 0])
    calmed = Calmed(service.settle)
    calmed()
    assert service.looks == 5
    calmed()
    assert service.looks == 6


def test_a_process_that_is_never_calm_is_looked_at_a_few_times() -> None:
    """It goes on then."""
    service = Service(a_look_keeps=[5000] * 50)
    Calmed(service.settle)()
    assert service.looks == rounds.MOST_FIRST_LOOKS + 1


@pytest.mark.parametrize(
    ("growth", "outcome"), [([200.0] * 10, "inconclusive"), ([200.0] * 24, "leaks"), ([5.0] * 10, "flat")]
)
def test_a_path_is_not_flat_while_memory_grows_with_other_inputs(growth: Iterable[float], outcome: str) -> None:
    """It leaks once that is sure."""
    first, second = (Measurement(PATH, identical(PATH), flat_below=100) for _ in range(2))
    first.rounds = [Round(50, 50.0)] * 4
    second.rounds = [Round(50, 50 * one) for one in growth]
    assert first.verdict.outcome == "flat"
    assert PathMeasurements(first, None).verdict.outcome == "flat"
    assert PathMeasurements(first, second).verdict.outcome == outcome


def test_a_cold_server_is_warmed_up_by_all_paths_together() -> None:
    """Some hundred requests in all."""
    service = Service()
    warm_up(service, [Measurement(PATH, identical(PATH), flat_below=100) for _ in range(10)], budget_s=60)
    assert sum(service.sent) == pytest.approx(450, abs=60)


def measured(service: Service, visits: int, flat_below: float = 100) -> Measurement:
    """What is known after so many visits, or once the path is decided."""
    measurement = Measurement(PATH, identical(PATH), flat_below=flat_below)
    while measurement.visits < visits and not measurement.is_decided:
        for _ in visit(measurement, service, service.settle, 6):
            pass
    return measurement


def test_from_outside_a_mebibyte_may_hide_what_is_kept() -> None:
    """A leak of 361 bytes a request is invisible for 2,900 requests. It is not flat then, and leaks in the end."""
    service = Service(keeps=361.0, hidden=2**20, is_exact=False)
    outcomes = {measured(service, visits=visits).verdict.outcome for visits in (1, 2, 3, 4)}
    assert outcomes <= {"inconclusive", "leaks"}
    assert measured(Service(keeps=361.0, hidden=2**20, is_exact=False), visits=12).verdict.outcome == "leaks"


def test_from_outside_a_path_is_flat_once_the_mebibyte_is_outgrown() -> None:
    """By more than 4,096 requests, of which each would have kept 256 bytes; more where several processes have one."""
    one = measured(Service(is_exact=False), visits=12)
    two = measured(Service(is_exact=False, pids=[(1, 2)]), visits=12)
    assert one.verdict.outcome == two.verdict.outcome == "flat"
    assert 4096 < one.verdict.requests < 8192 < two.verdict.requests


def test_in_pages_less_than_256_bytes_are_flat() -> None:
    """Which is the threshold that the verdict has, unless a larger one was asked for."""
    verdict = measured(Service(keeps=150.0, is_exact=False), visits=20).verdict
    assert (verdict.outcome, verdict.flat_below) == ("flat", 256)
    assert measured(Service(is_exact=False), visits=1, flat_below=1000).verdict.flat_below == 1000
    assert measured(Service(), visits=1).verdict.flat_below == 100


def test_from_outside_nothing_is_known_of_objects() -> None:
    """Which is not the same as none."""
    verdict = measured(Service(is_exact=False), visits=1).verdict
    assert verdict.traceback_entries_per_request is None
    assert measured(Service(is_exact=False), visits=1).cyclic_objects is None


def test_memory_that_was_read_one_time_only_has_not_grown() -> None:
    """It is unknown by how much: no reading is no zero."""
    service = Service()
    known, unknown = service.settle(), Snapshot((1,), 1, None, None)
    readings = iter([unknown, known, unknown, known])
    measurement = Measurement(PATH, identical(PATH), flat_below=100)
    list(visit(measurement, service, lambda **_: next(readings), 3))
    assert [one.grown_bytes for one in measurement.rounds] == [None] * 3
    assert measurement.verdict.outcome == "inconclusive"


@pytest.mark.parametrize(("type_name", "entries"), [("shop.ApiError", {(1, 10): 40}), ("shop.OtherError", {})])
def test_an_object_that_took_the_place_of_another_is_no_longer_traceback(
    type_name: str, entries: Mapping[Suspect, int]
) -> None:
    """An id is used again once its object has died. Of another type it is another object."""
    before, after = {(1, 10): Traceback("shop.ApiError", 60)}, {(1, 10): Traceback(type_name, 100)}
    looks = iter([Snapshot((1,), 1, 0, None, 0, 0, tracebacks) for tracebacks in (before, after)])
    measurement = Measurement(PATH, identical(PATH), flat_below=100)
    list(visit(measurement, Service(), lambda **_: next(looks), 1))
    assert measurement.rounds[0].entries == entries


def test_memory_that_cannot_be_read_is_a_reason() -> None:
    """Of its path; the others are tried."""

    def unreadable(**_: float) -> Snapshot:
        raise Unreadable("container shop is exited, not running")

    schedule = Schedule([PATH], flat_below=100, budget_s=60)
    list(schedule.run(Service(), unreadable))
    verdict = schedule.paths[0].verdict
    assert verdict.outcome == "inconclusive"
    assert verdict.reason == "its memory cannot be read: container shop is exited, not running"


def test_growth_up_to_a_bound_is_no_leak() -> None:
    """A container that has one fills, and then stays; it is open until that was seen."""
    leaks = Measurement(PATH, identical(PATH), flat_below=100, rounds=[Round(50, 50 * 500.0)] * 20)
    leaks.causes = (Cause(CauseKind.KEPT, held_by="shop.NEWEST_ERRORS", bound=5000),)
    verdict = path_result(PathMeasurements(leaks, None)).verdict
    assert verdict.outcome == "inconclusive"
    assert verdict.reason == "shop.NEWEST_ERRORS fills, up to 5,000 elements; run longer to see it stop"
    leaks.causes = (replace(leaks.causes[0], bound=None),)
    assert path_result(PathMeasurements(leaks, None)).verdict.outcome == "leaks"


def test_every_path_is_visited_before_one_is_visited_again() -> None:
    """And those that are decided are left alone; flat ones get other inputs in the end."""
    plain = ErrorPath("GET", "/plain", 404, Request("GET", "/plain"))
    schedule = Schedule([PATH, plain], flat_below=100, budget_s=600)
    steps = schedule.run(Service(), Service().settle)
    order = [(one.path.path, one.distinct) for step in steps for one in step.measurements]
    names = ["/users/{id}", "/plain"]
    assert list(dict.fromkeys(order)) == [*((name, False) for name in names), *((name, True) for name in names)]
    assert [one.verdict.outcome for one in schedule.paths] == ["flat", "flat"]
    assert schedule.unmeasured == []


def test_a_budget_that_ends_leaves_what_was_measured() -> None:
    """No path is begun after it."""
    times = iter([0.0, 0.0, 0.0, 0.0, *[100.0] * 50])
    schedule = Schedule([PATH], flat_below=100, budget_s=60, clock=lambda: next(times))
    assert len(list(schedule.run(Service(), Service().settle))) == 2
    assert schedule.paths[0].verdict.outcome == "inconclusive"
    assert schedule.seconds_left == 0.0
