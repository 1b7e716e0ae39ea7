"""How an error path is measured round by round: what disturbs a count, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from sadpath.check.driver import Request, Sent
from sadpath.check.find import ErrorPath
from sadpath.check.measure import rounds
from sadpath.check.measure.rounds import Calmed, Disturbed, Measurement, identical, visit
from sadpath.check.measure.schedule import PathMeasurements, warm_up
from sadpath.check.service.probes import Snapshot
from sadpath.verdict.rounds import Round

PATH = ErrorPath("GET", "/users/{id}", 404, Request("GET", "/users/1"))


@dataclass
class Service:
    """A service that keeps some bytes of each request, and what a look leaves behind: fewer with each look."""

    keeps: float = 0.0
    a_look_keeps: list[int] = field(default_factory=list)
    pids: list[tuple[int, ...]] = field(default_factory=lambda: [(1,)])
    status: int = 404
    in_use: float = 1e6
    sent: list[int] = field(default_factory=list)
    looks: int = 0
    connections: int = 1

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Answer all."""
        del requests
        self.sent.append(count)
        self.in_use += self.keeps * count
        return Sent({self.status: count}, {}, (0.001,) * count)

    def settle(self, *, begins_round: bool = False) -> Snapshot:
        """Count, and keep what a look keeps."""
        del begins_round
        pids = self.pids[min(self.looks, len(self.pids) - 1)]
        settled = Snapshot(pids, len(pids), self.in_use, None)
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


def test_growth_without_any_request_explains_growth_with_them() -> None:
    """A thread of the service leaks by itself."""
    service = Service()
    look = Measurement(PATH, identical(PATH), flat_below=100)
    look.rounds, look.rounds_s = [Round(50, 10_000.0)] * 20, 0.2
    service.a_look_keeps = [10_000] * 10
    assert "without any request" in rounds.grows_by_itself(look, service.settle)
    service.a_look_keeps = [0] * 10
    assert rounds.grows_by_itself(look, service.settle) == ""


def test_a_cold_server_is_warmed_up_by_all_paths_together() -> None:
    """Some hundred requests in all."""
    service = Service()
    warm_up(service, [PATH] * 10, budget_s=60)
    assert sum(service.sent) == pytest.approx(450, abs=60)
