"""What a process has left after a round; its collector is off while the round is measured, and on again in any case."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from sadpath.probe import looks, memory
from tests.waiting import until


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """On, before and after."""
    gc.enable()
    yield
    looks.switch_on()
    gc.enable()


def test_it_is_off_for_a_round_and_then_on() -> None:
    """Twice in a row too."""
    for _ in range(2):
        looks.switch_off()
        looks.switch_off()
        assert not gc.isenabled()
        assert looks.collector_is_on()
        looks.switch_on()
        assert gc.isenabled()


def test_a_collector_that_the_process_has_switched_off_stays_off() -> None:
    """It is the process's own decision."""
    gc.disable()
    looks.switch_off()
    assert not looks.collector_is_on()
    looks.switch_on()
    assert not gc.isenabled()


def test_it_comes_on_again_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who asked may have been killed."""
    monkeypatch.setattr(looks._Switch, "is_watched", False)  # noqa: SLF001 - by a thread of an earlier test
    monkeypatch.setattr(looks, "OFF_AT_MOST_S", 0.05)
    looks.switch_off()
    until(gc.isenabled, 100, "the collector is on")
    assert looks.collector_is_on()


PATCHED = """
import gc, sadpath.probe.agent, _thread, time

def patched(*_):
    raise AssertionError("this is gevent's")

time.sleep = _thread.start_new_thread = patched
from sadpath.probe import looks
looks.OFF_AT_MOST_S = 0.05
looks.switch_off()
while not gc.isenabled():
    pass
"""


def test_it_comes_on_again_where_gevent_has_patched_threads_and_sleep() -> None:
    """The agent had them before; a greenlet of our thread, which never gives way to one, would never run."""
    command = [sys.executable, "-S", "-c", PATCHED]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_garbage_of_a_round_is_counted_when_it_ends() -> None:
    """Also where there is so much that the collector would have come by meanwhile."""
    looks.settle(begins_round=True)
    for _ in range(2000):
        circle: "list[object]" = []
        circle.append(circle)
    del circle
    assert looks.settle()["collected"] >= 2000


def make_garbage(number: int) -> None:
    """Lists of 2,000 bytes that hold themselves."""
    for _ in range(number):
        circle: "list[object]" = [bytes(2000)]
        circle.append(circle)


def test_garbage_is_collected_also_where_the_process_has_switched_its_collector_off() -> None:
    """And its bytes are counted, exactly: a list, its slots and what it holds."""
    gc.disable()
    looks.settle()
    before = looks.settle(begins_round=True)
    make_garbage(100)
    after = looks.settle()
    assert after["collected"] >= 100
    assert after["garbage"] == pytest.approx(100 * 2130, rel=0.05)
    assert abs((after["in_use"] or 0) - (before["in_use"] or 0)) < 100 * 100
    assert not gc.isenabled()


def test_where_the_collector_is_on_garbage_is_no_concern() -> None:
    """It would have been collected."""
    looks.settle(begins_round=True)
    make_garbage(100)
    assert looks.settle()["garbage"] == 0


def test_a_threshold_of_zero_switches_the_collector_off_too() -> None:
    """It never begins by itself."""
    threshold = gc.get_threshold()
    gc.set_threshold(0)
    try:
        assert not looks.collector_is_on()
    finally:
        gc.set_threshold(*threshold)
    assert looks.collector_is_on()


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_collections_of_others_are_told_from_ours(generation: int) -> None:
    """A program that has switched the collector off may collect any generation itself."""
    gc.disable()
    before = looks.hello()["collections"]
    looks.settle(begins_round=True)
    looks.settle()
    assert looks.hello()["collections"] == before
    gc.collect(generation)
    assert looks.hello()["collections"] == before + 1


def test_what_is_unknown_stays_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without allocators that count and without `/proc` there is no figure, and no figure is not zero."""
    monkeypatch.setattr(memory, "_c_library", lambda: None)
    for read in (memory.read_memory, memory.read_memory_by_page):
        monkeypatch.setattr(read, "__defaults__", (tmp_path, "self"))
    answer = looks.settle()
    assert (answer["in_use"], answer["anonymous"]) == (None, None)


def test_where_no_census_is_safe_nothing_is_known_of_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is not the same as that there are none: threads run without the GIL there."""
    monkeypatch.setattr(looks, "is_supported", lambda: False)
    answer = looks.settle()
    assert (answer["live_exceptions"], answer["tracebacks"]) == (None, None)
    assert answer["in_use"] is not None or answer["anonymous"] is not None or sys.platform != "linux"
