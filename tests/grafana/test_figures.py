"""The big figures of The divergence, on recorded series: while nothing is known they say so in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.build.divergence import DOWN, MEASURING, OVER_AN_HOUR, WINDOW_S
from tests.grafana.recorded import LIMIT_MIB, MIB, figure, holds, two_processes

UNTIL = "Until the memory limit"
MEMORY = "reused: resident memory"
ENDED_S, AWAY_S = 60, 8
BEGAN_S = ENDED_S + AWAY_S
STORY = two_processes(ended_s=ENDED_S, gap_s=AWAY_S, last_mib=250)
"""A process that reaches its memory limit after a minute, and the next one, which does not grow."""


@pytest.mark.parametrize("title", [MEMORY, UNTIL])
def test_an_arm_that_does_not_answer_is_down(title: str, tmp_path: Path) -> None:
    """Four seconds after its last answer, and until it answers again."""
    for at_s in (ENDED_S + 5, BEGAN_S - 1):
        assert holds(tmp_path, f"({figure(title)}) == {DOWN}", STORY, at_s)
    assert not holds(tmp_path, f"({figure(title)}) == {DOWN}", STORY, BEGAN_S)


@pytest.mark.parametrize("title", [MEMORY, UNTIL])
def test_an_arm_that_does_not_answer_for_some_seconds_is_not_down(title: str, tmp_path: Path) -> None:
    """A full collection stops an arm for longer than a scrape waits."""
    assert holds(tmp_path, f"({figure(title)}) > 0", STORY, ENDED_S + 1)


@pytest.mark.parametrize("began_s", [0, BEGAN_S])
def test_the_time_to_the_limit_is_measured_before_it_is_told(began_s: int, tmp_path: Path) -> None:
    """The first seconds of a process are its start, not its leak: no figure, and no false comfort."""
    for age_s in (1, WINDOW_S - 1):
        assert holds(tmp_path, f"({figure(UNTIL)}) == {MEASURING}", STORY, began_s + age_s)


def test_the_time_to_the_limit_is_that_of_the_growth(tmp_path: Path) -> None:
    """Memory grows by 250 MiB in 60 s, so at 40 s it reaches 256 MiB within 20.4 s."""
    assert holds(tmp_path, f"({figure(UNTIL)}) > 20 < 21", STORY, 40)


def test_an_arm_that_does_not_grow_has_more_than_an_hour(tmp_path: Path) -> None:
    """That much can be said after some seconds; "never" cannot."""
    assert holds(tmp_path, f"({figure(UNTIL)}) == {OVER_AN_HOUR}", STORY, BEGAN_S + 2 * WINDOW_S + 2)


def test_without_errors_nothing_is_said_about_the_limit(tmp_path: Path) -> None:
    """An arm that waits for the load would have more than an hour, which is no result."""
    waits = {**STORY, "sadpath_errors_raised_total": "0x700"}
    assert holds(tmp_path, f"({figure(UNTIL)}) == {MEASURING}", waits, 40)


def test_the_restarts_are_counted(tmp_path: Path) -> None:
    """None before the first kill, one after it."""
    restarts = figure("Restarts in the last hour")
    assert holds(tmp_path, f"({restarts}) == 0", STORY, ENDED_S - 1)
    assert holds(tmp_path, f"({restarts}) == 1", STORY, BEGAN_S + 5)


def test_the_story_is_as_it_is_told(tmp_path: Path) -> None:
    """What the other tests stand on: the first process was near its limit at its end."""
    assert holds(tmp_path, f"process_resident_memory_bytes > {0.9 * LIMIT_MIB * MIB}", STORY, ENDED_S - 1)
