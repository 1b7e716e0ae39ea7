"""How many error paths are measured together: what clears them, and what becomes of those that grow."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from sadpath.check.driver import Request, Sent
from sadpath.check.find import ErrorPath
from sadpath.check.measure import groups, rounds
from sadpath.check.measure.groups import FEWEST_TOGETHER, GROUPINGS, Together, grouped
from sadpath.check.measure.rounds import Measurement, identical
from sadpath.check.measure.schedule import Schedule
from sadpath.check.measure.screen import LOOKED_AT, screened
from sadpath.check.service.probes import Snapshot, Traceback
from sadpath.verdict.rounds import Noise, Round, judge_group
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, FLAT_BELOW_IN_PAGES

FLAT_BELOW = 100.0
PATHS = [ErrorPath("GET", f"/{number}", 404, Request("GET", f"/{number}")) for number in range(40)]
NAMES = [path.path for path in PATHS]


@dataclass
class Service:
    """A service that keeps some bytes of each request, by its path; `raises` has paths that raise one object again.

    Each count is off by the next of `noise`, in turn, and by what it keeps by itself in a second. What is in `slow`
    takes a second, what is in `odd` is answered with another status.
    """

    keeps: Mapping[str, float] = field(default_factory=dict)
    raises: frozenset[str] = frozenset()
    noise: Sequence[float] = (0.0,)
    slow: frozenset[str] = frozenset()
    odd: frozenset[str] = frozenset()
    keeps_by_itself: float = 0.0
    sent: dict[str, int] = field(default_factory=dict)
    in_use: float = 1e6
    entries: int = 0
    looks: int = 0
    connections: int = 1

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Answer all."""
        path = requests[0].path
        self.sent[path] = self.sent.get(path, 0) + count
        self.in_use += self.keeps.get(path, 0.0) * count
        self.entries += count * (path in self.raises)
        return Sent({500 if path in self.odd else 404: count}, {}, (1.0 if path in self.slow else 0.001,) * count)

    def settle(self, *, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Count."""
        del begins_round, watched_s
        self.looks += 1
        off = self.noise[self.looks % len(self.noise)] + self.keeps_by_itself * time.monotonic()
        return Snapshot((1,), 1, self.in_use + off, None, 0, 0, {(1, 7): Traceback("shop.Refused", self.entries)})

    def glance(self, *, census: bool = False) -> Snapshot:
        """Count as well."""
        del census
        return self.settle()


@pytest.fixture(autouse=True)
def no_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no process that needs one."""
    for module, name in ((rounds, "REST_S"), (rounds, "LONG_REST_S"), (groups, "LONG_REST_S")):
        monkeypatch.setattr(module, name, 0.0)


def measurements(paths: Iterable[ErrorPath] = PATHS) -> list[Measurement]:
    return [Measurement(path, identical(path), FLAT_BELOW) for path in paths]


def cleared(service: Service, ones: Sequence[Measurement], turns: int = GROUPINGS) -> Together:
    """What is left after some turns."""
    together = Together(service, service.settle, service.glance, lambda: 1000.0)
    together.look_at_the_noise()
    for turn in range(turns):
        list(together.clear([one for one in ones if one not in together.alone], turn))
    return together


def outcomes(service: Service, budget_s: float = 1000.0) -> dict[str, str]:
    """What a whole check says of each path."""
    check = Schedule(PATHS, FLAT_BELOW, budget_s)
    list(check.run(service, service.settle, service.glance))
    return {one.first.path.path: one.verdict.outcome for one in check.paths}


def test_flat_paths_are_cleared_by_a_few_counts_for_all() -> None:
    """Three of each group, and not of each path."""
    service, ones = Service(), measurements()
    assert not cleared(service, ones).alone
    assert {one.verdict.outcome for one in ones} == {"flat"}
    assert service.looks < len(PATHS)


def test_one_group_is_not_enough() -> None:
    """A cache that empties may hide a leak in it."""
    ones = measurements()
    cleared(Service(), ones, turns=1)
    assert {one.verdict.outcome for one in ones} == {"inconclusive"}
    assert "1 of 2 groups" in ones[0].verdict.reason


def test_what_hides_a_leak_is_in_another_group_the_next_time() -> None:
    """Two of three pairs of paths are apart then, all of those that were next to each other."""
    ones = measurements()
    first, second = (grouped(ones, turn) for turn in (0, 1))
    assert (len(first), len(second)) == (1, 3)
    assert not [pair for pair in pairwise(ones) for group in second if {*pair} <= {*group}]


def test_a_fall_clears_nothing() -> None:
    """A cache that empties may hide a leak, in each group alike."""
    service = Service(keeps={"/5": 700.0, "/8": -900.0})
    found = cleared(service, ones := measurements()).alone
    assert {"/5", "/8"} <= {one.path.path for one in found}
    assert {one.verdict.outcome for one in ones if one not in found} == {"flat"}


def test_a_verdict_says_of_how_many_paths_its_figures_are() -> None:
    """They are the sum of all."""
    ones = measurements()
    cleared(Service(keeps=dict.fromkeys(NAMES, 1.0)), ones)
    assert ones[0].verdict.together in (len(PATHS) // 3, len(PATHS))
    assert ones[0].verdict.bytes_per_request == pytest.approx(ones[0].verdict.together)
    assert "error paths together" in ones[0].verdict.reason


@pytest.mark.parametrize("leaking", [["/0"], ["/39"], ["/3", "/17", "/30"]])
def test_what_grows_is_left_alone_and_the_others_are_cleared(leaking: list[str]) -> None:
    """It is likely to be found at once, by a count after some requests of each."""
    ones = measurements()
    left = cleared(Service(keeps=dict.fromkeys(leaking, 500.0)), ones).alone
    assert sorted(one.path.path for one in left) == sorted(leaking)
    assert sum(one.verdict.outcome == "flat" for one in ones) == len(ones) - len(leaking)


def test_many_that_grow_a_little_are_found_by_halves() -> None:
    """None of them is likely to leak, and together they grow by more than one that leaks."""
    ones = measurements()
    left = cleared(Service(keeps=dict.fromkeys(NAMES, 8.0)), ones).alone
    assert not left
    assert {one.verdict.outcome for one in ones} == {"flat"}
    assert max(one.verdict.together for one in ones) <= FLAT_BELOW / 8


@pytest.mark.parametrize("noise", [(0.0, 3000.0), (0.0, -2000.0, 900.0, 2500.0, -300.0)])
def test_noise_asks_for_more_requests_and_makes_no_leak(noise: Sequence[float]) -> None:
    """As many as it takes to tell a hundred bytes from zero, and what leaks is still found."""
    quiet, noisy = Service(), Service(keeps={"/5": 300.0}, noise=noise)
    cleared(quiet, measurements())
    found = cleared(noisy, ones := measurements())
    assert [one.path.path for one in found.alone] == ["/5"]
    assert {one.verdict.outcome for one in ones if one not in found.alone} == {"flat"}
    assert noisy.sent["/9"] > 2 * quiet.sent["/9"]


def test_a_path_with_another_status_is_left_out_of_its_group() -> None:
    """The others are cleared without it."""
    ones = measurements()
    cleared(Service(odd=frozenset({"/4"})), ones)
    assert [one.path.path for one in ones if one.trouble] == ["/4"]
    assert sum(one.verdict.outcome == "flat" for one in ones) == len(ones) - 1


def test_an_object_that_is_raised_again_is_seen_at_a_glance() -> None:
    """By a few requests of each path."""
    service = Service(raises=frozenset({"/8", "/31"}))
    found = screened(measurements(), service, service.glance, lambda: True)
    assert [one.path.path for one in found] == ["/8", "/31"]
    assert max(service.sent.values()) <= 10 * LOOKED_AT


def test_a_screen_ends_where_there_is_no_time_for_it() -> None:
    """What it has not looked at is measured in groups all the same."""
    service = Service(raises=frozenset({"/8"}))
    assert screened(measurements(), service, service.glance, lambda: False) == []
    assert service.sent == {}


def test_a_whole_check_finds_what_leaks_of_many() -> None:
    """Each of them by itself, and nothing else."""
    service = Service(keeps={"/8": 2000.0, "/21": 700.0}, raises=frozenset({"/8"}))
    found = outcomes(service)
    assert {path for path, outcome in found.items() if outcome == "leaks"} == {"/8", "/21"}
    assert {outcome for path, outcome in found.items() if path not in ("/8", "/21")} == {"flat"}


def test_a_slow_path_waits_until_the_others_are_decided() -> None:
    """It does not use up their time: a request says that it is slow."""
    service = Service(slow=frozenset({"/0"}))
    check = Schedule(PATHS, FLAT_BELOW, 1000.0)
    for step in check.run(service, service.settle, service.glance):
        if any(one.path.path == "/0" for one in step.measurements):
            break
    assert service.sent["/0"] == 1
    assert sum(one.verdict.outcome == "flat" for one in check.paths) == len(PATHS) - 1


def test_a_budget_that_is_short_decides_some_paths() -> None:
    """Those of the first blocks, and not each of them by half."""
    service = Service(noise=(0.0, 40_000.0, 10_000.0))
    together = Together(service, service.settle, service.glance, lambda: 10.0)
    ones = measurements()
    for one in ones:
        one.seconds.append(0.05)
    together.look_at_the_noise()
    sizes = [len(block) for block in together.blocks([ones])]
    assert sum(sizes) == len(ones)
    assert FEWEST_TOGETHER <= sizes[0] < len(ones)


def test_what_is_too_much_for_the_budget_is_measured_for_larger_leaks() -> None:
    """The threshold is one of the thresholds, and the verdicts have it."""
    service = Service(noise=(0.0, 9000.0, 2000.0))
    check = Schedule(PATHS, FLAT_BELOW_EXACT, 2.0)
    list(check.run(service, service.settle, service.glance))
    assert check.needed_s > 0
    assert {one.first.flat_below for one in check.paths} == {FLAT_BELOW_IN_PAGES}


def test_what_a_service_does_by_itself_is_no_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken off what grows in a round, and a path that leaks is still found."""
    monkeypatch.setattr(groups, "LONG_REST_S", 0.01)
    service = Service(keeps={"/5": 5000.0}, keeps_by_itself=2e6)
    found = cleared(service, ones := measurements())
    assert found.idle_bytes == pytest.approx(2e6, rel=0.3)
    assert [one.path.path for one in found.alone] == ["/5"]
    assert {one.verdict.outcome for one in ones if one not in found.alone} == {"flat"}


def test_what_grew_last_is_not_flat_until_it_is_known_which_did() -> None:
    """Also where the budget ends before."""
    ones = measurements()
    for one in ones:
        one.clear(judge_group([Round(10, 0.0)] * 3, len(ones), Noise()))
        one.grew = judge_group([Round(10, 9000.0)] * 3, len(ones), Noise())
    assert {one.verdict.outcome for one in ones} == {"inconclusive"}
    assert "40 error paths together grow" in ones[0].verdict.reason
    assert ones[0].grows


def test_one_that_grows_at_a_glance_and_is_not_decided_leaves_time_for_others() -> None:
    """Most of what is left."""
    service = Service(raises=frozenset({"/8"}), noise=(0.0, 5000.0))
    found = outcomes(service)
    assert sum(outcome == "flat" for outcome in found.values()) == len(PATHS) - 1
