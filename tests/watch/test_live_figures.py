"""The figures and the marks of the live page, from samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from sadpath.sources import Reading
from sadpath.watch.live.figures import WINDOW_S, Figures, figures_of, marks_of
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Latency, Sample

MIB = 2**20
LIMIT = 512 * MIB


def sample(
    second: float, *, mib: float = 60, start_s: float = 0, requests: float | None = None, **more: object
) -> Sample:
    """One sample of the arm `reused`, which serves a hundred requests a second."""
    served = 100 * (second - start_s) if requests is None else requests
    reading = Reading(mib * MIB, (mib - 17) * MIB, LIMIT, start_s, served, 0, 19 * served)
    return Sample(second, "reused", "measured", reading, Latency(5, 20), **more)  # type: ignore[arg-type]


def growing(seconds: int, mib_a_second: float) -> list[Sample]:
    return [sample(second, mib=60 + mib_a_second * second) for second in range(seconds + 1)]


def figures(samples: Iterable[Sample]) -> Figures:
    run = Run(list(samples))
    return figures_of(run, "reused", {one.arm: one for one in run.samples})


def test_before_the_first_sample_nothing_is_known() -> None:
    """And nothing is said."""
    found = figures_of(Run(), "reused", {})
    assert (found.memory_mib, found.until, found.bytes_per_request, found.is_down) == (None, None, None, False)


def test_the_memory_is_that_which_has_the_limit() -> None:
    """Resident memory, its growth since the process started, and the limit."""
    found = figures(growing(30, 2))
    assert (found.memory_mib, found.grown_mib, found.limit_mib) == (120, 60, 512)


def test_the_time_to_the_limit_follows_from_the_growth_of_the_last_seconds() -> None:
    """2 MiB a second, 392 MiB below the limit."""
    assert figures(growing(30, 2)).until == pytest.approx(196)


def test_the_growth_per_request_is_that_of_the_last_seconds() -> None:
    """A hundred requests a second, 2 MiB a second."""
    assert figures(growing(30, 2)).bytes_per_request == pytest.approx(2 * MIB / 100)


def test_what_was_done_begins_the_measurement_anew() -> None:
    """After a fix the growth before it says nothing."""
    fixed = [
        *growing(30, 2),
        *(sample(second, mib=120, mark="fix applied" * (second == 31)) for second in range(31, 43)),
    ]
    found = figures(fixed)
    assert (found.bytes_per_request, found.until) == (0, "over 1 hour")


@pytest.mark.parametrize("seconds", [0, 1, 9])
def test_a_few_seconds_are_not_enough_for_a_prediction(seconds: int) -> None:
    """No figure, and no false comfort."""
    assert figures(growing(seconds, 0)).until == "measuring"


def test_the_warm_up_does_not_count() -> None:
    """It is not the path that is measured."""
    warming = [replace(one, phase="warm-up") for one in growing(60, 0)]
    assert figures(warming).until == "measuring"


def test_an_arm_that_does_not_answer_is_down() -> None:
    """Its last figures stay, and no time to the limit is told."""
    found = figures([*growing(30, 2), Sample(31, "reused", "measured", None, missing="connection refused")])
    assert (found.is_down, found.until, found.memory_mib) == (True, "down", 120)


def test_a_service_without_a_limit_has_no_time_to_it() -> None:
    """It says nothing of a limit."""
    unlimited = [replace(one, reading=replace(one.reading, limit_bytes=None)) for one in growing(30, 2) if one.reading]
    assert figures(unlimited).until is None


def test_a_kill_is_told_from_another_restart() -> None:
    """By how near the limit the memory was."""
    killed = [sample(0), sample(1, mib=500), sample(2, start_s=2), sample(3, mib=100, start_s=2), sample(4, start_s=4)]
    found = figures(killed)
    assert (found.restarts, found.kills) == (2, 1)
    assert [(mark["kind"], mark["elapsed_s"]) for mark in marks_of(Run(killed))] == [("killed", 2), ("restarted", 4)]


def test_an_action_on_both_arms_is_one_mark() -> None:
    """The next sample of each arm has it."""
    one = sample(10, mark="released 40 MiB")
    other = replace(sample(10.4, mark="released 40 MiB"), arm="factory")
    again = sample(20, mark="released 40 MiB")
    assert [mark["elapsed_s"] for mark in marks_of(Run([one, other, again]))] == [10, 20]


def test_two_actions_within_a_second_are_two_marks() -> None:
    """One sample has both, and their words do not stand on each other."""
    marks = marks_of(Run([sample(10, mark="fix applied; rate 50 requests/s")]))
    assert [mark["words"] for mark in marks] == ["fix applied", "rate 50 requests/s"]
    assert [mark["row"] for mark in marks] == [0, 1]


def test_a_poll_looks_at_the_last_seconds_only() -> None:
    """However long the run is: a sample far back is not looked at."""
    run = Run(growing(int(10 * WINDOW_S), 2))
    run.lifetimes["reused"][0].samples[5] = None  # type: ignore[call-overload]
    assert figures_of(run, "reused", {}).until is not None
