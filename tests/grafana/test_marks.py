"""The marks of restarts on The divergence, on recorded series: a kill at the memory limit is never a plain restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grafana.recorded import holds, mark, two_processes

KILLED, RESTARTED = "Killed at its memory limit", "Restarted"
ENDED_S = 60
AT_A_LONG_RANGE_S = [1, 5, 9, 14, 120, 290]
"""Seconds after the start at which Grafana may ask: on a range of hours it does so every few minutes."""


def marked(folder: Path, name: str, *, gap_s: int, last_mib: int, after_s: int) -> bool:
    """Whether a mark is at the start of the second process, asked for `after_s` seconds later."""
    began = ENDED_S + gap_s
    series = two_processes(ended_s=ENDED_S, gap_s=gap_s, last_mib=last_mib)
    return holds(folder, f"({mark(name)}) == {began * 1000}", series, began + after_s)


@pytest.mark.parametrize("after_s", AT_A_LONG_RANGE_S)
@pytest.mark.parametrize("gap_s", [1, 4, 12, 20])
def test_a_kill_at_the_memory_limit_has_its_own_mark(gap_s: int, after_s: int, tmp_path: Path) -> None:
    """Also where the arm was away for some seconds between its last sample and its start."""
    kill = {"gap_s": gap_s, "last_mib": 250, "after_s": after_s}
    assert marked(tmp_path, KILLED, **kill)
    assert not marked(tmp_path, RESTARTED, **kill)


@pytest.mark.parametrize("after_s", AT_A_LONG_RANGE_S)
def test_another_restart_has_the_other_mark(after_s: int, tmp_path: Path) -> None:
    """Its memory was far from the limit."""
    restart = {"gap_s": 4, "last_mib": 120, "after_s": after_s}
    assert marked(tmp_path, RESTARTED, **restart)
    assert not marked(tmp_path, KILLED, **restart)


def test_a_mark_ends_some_minutes_after_the_start(tmp_path: Path) -> None:
    """What is shown then is not asked for again."""
    assert not marked(tmp_path, KILLED, gap_s=4, last_mib=250, after_s=330)
