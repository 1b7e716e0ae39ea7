"""The census is a guest in its process: it waits for nobody, calls no user code, and is bounded."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import NoReturn

import pytest

from sadpath.probe import census
from sadpath.probe.census import Census, is_supported, look_at
from tests.probe.raising import count_by_hand, raise_many

DEADLINE_S = 100


class Error(Exception):
    """What the tests raise, again and again."""


def a_census_at_work() -> "tuple[Census, Callable[[], None], Callable[[], None]]":
    """Return a census, a function that has a thread begin a look, and one that lets the look go on."""
    error, looking, go_on = Error(), threading.Event(), threading.Event()
    raise_many(error, times=3)

    def errors() -> Mapping[str, BaseException]:
        if threading.current_thread() is not threading.main_thread():
            looking.set()
            go_on.wait(DEADLINE_S)
        return {"error": error}

    found = Census(errors)
    thread = threading.Thread(target=found.looks)

    def begin() -> None:
        thread.start()
        assert looking.wait(DEADLINE_S)

    def end() -> None:
        go_on.set()
        thread.join(DEADLINE_S)

    return found, begin, end


def test_a_look_during_another_returns_the_last_result() -> None:
    """It does not wait: a thread that looks may be slow, or be waiting for the one that asks."""
    ours, begin, end = a_census_at_work()
    last = ours.looks()
    begin()
    try:
        assert ours.looks() is last
    finally:
        end()
    assert ours.looks() is not last


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="no signals here")
def test_a_signal_handler_may_look_during_a_look() -> None:
    """The handler interrupts the look of its own thread, so waiting for it would take for ever."""
    error = Error()
    raise_many(error, times=3)
    seen = []

    def errors() -> Mapping[str, BaseException]:
        signal.raise_signal(signal.SIGINT)
        return {"error": error}

    ours = Census(errors)
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(ours.looks()))
    try:
        entries = ours.looks()["error"].entries
    finally:
        signal.signal(signal.SIGINT, before)
    assert (seen, entries) == ([{}], look_at(error).entries)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_that_was_forked_during_a_look_looks_for_itself() -> None:
    """The thread that looked is not in the child, and gives nothing back there."""
    ours, begin, end = a_census_at_work()
    begin()
    try:
        child = os.fork()
        if not child:
            found = ours.looks()
            os._exit(0 if found and found["error"].entries else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        end()


def test_it_imports_nothing_that_gevent_patches() -> None:
    """What is imported before gevent patches the standard library stays unpatched."""
    code = "import sys, sadpath.probe.census; print(*{'threading', 'socket', 'ssl', 'logging'} & set(sys.modules))"
    command = [sys.executable, "-S", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert result.stdout == "\n"


def test_without_the_gil_it_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it looks at nothing, since another thread's frame may go while it is read."""
    error = Error()
    raise_many(error, times=3)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert (is_supported(), Census(lambda: {"error": error}).looks()) == (False, {})
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    assert is_supported()


def test_a_property_named_like_the_traceback_is_not_called() -> None:
    """It is user code; Python's own slot has the traceback."""

    class Shadowed(Exception):  # noqa: N818
        @property
        def __traceback__(self) -> NoReturn:  # type: ignore[override]
            raise AssertionError("called")

    error = Shadowed()
    try:
        raise error
    except Shadowed:
        pass
    assert look_at(error).entries == 1


@pytest.fixture
def follows_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look follows the frames of 500 entries."""
    monkeypatch.setattr(census, "MAX_FOLLOWED", 500)


@pytest.mark.usefixtures("follows_a_part")
def test_a_long_chain_is_counted_exactly_and_its_frames_are_estimated() -> None:
    """However long the chain is, a look follows the frames of a bounded part of it."""
    error = Error()
    raise_many(error, times=400)
    entries, frames = count_by_hand(error)
    look = look_at(error)
    assert (look.entries, look.walked, look.frames_are_estimated) == (entries, entries, True)
    assert look.frames == pytest.approx(frames, rel=0.01)


@pytest.mark.usefixtures("follows_a_part")
def test_an_estimate_stays_one_until_the_chain_is_released() -> None:
    """What is counted on top of an estimate is an estimate."""
    error = Error()
    raise_many(error, times=400)
    look = look_at(error)
    raise_many(error, times=2)
    look = look_at(error, look)
    assert (look.entries, look.frames_are_estimated) == (count_by_hand(error)[0], True)
    error.__traceback__ = None
    raise_many(error, times=2)
    assert not look_at(error, look).frames_are_estimated


def test_entries_in_front_of_the_mark_are_counted_once() -> None:
    """The frames that still run at a look get no mark; what is in front of the mark is followed again at the next."""
    error = Error()

    def look_while_running(last: census.Look) -> census.Look:
        try:
            raise_many(error, times=4)
            raise error
        except Error:
            return look_at(error, last)

    look = census.NOTHING
    for _ in range(5):
        look = look_while_running(look)
        assert look.entries == count_by_hand(error)[0]
