"""Who holds an exception: the names that the probe finds, for each way of holding one."""

import gc
import threading

import pytest

from sadpath.probe.heap import live_exceptions
from sadpath.probe.holders import names_of
from tests.probe import held
from tests.probe.held import NAMES, Held
from tests.probe.raising import raise_many


def found(way: str) -> "list[str]":
    """The names of the exception of one way."""
    number, _ = NAMES[way]
    errors = [one for one in live_exceptions() if id(one) == number]
    return names_of(errors).get(number, [])


@pytest.mark.parametrize("way", NAMES)
def test_a_holder_has_the_name_that_one_searches_for(way: str) -> None:
    """Its first name; the others are other modules'."""
    assert found(way)[:1] == [NAMES[way][1]]


def test_each_way_is_a_way_of_its_own() -> None:
    """More than thirty."""
    assert len(NAMES) >= 34


def test_an_exception_with_two_names_has_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two modules."""
    monkeypatch.setattr(held, "module_level_too", held.module_level, raising=False)
    names = {f"{held.__name__}.module_level", f"{held.__name__}.module_level_too"}
    assert set(found("a module's attribute")) == names


def test_a_local_of_a_running_function_is_found() -> None:
    """Of another thread, that nothing else refers to."""
    ready, done = threading.Event(), threading.Event()
    numbers = []

    def work() -> None:
        error = Held("running")
        numbers.append(id(error))
        ready.set()
        done.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(10)
        errors = [one for one in live_exceptions() if id(one) == numbers[0]]
        (name,) = names_of(errors)[numbers[0]]
    finally:
        del errors
        done.set()
        thread.join(10)
    assert name.startswith(f"local 'error' of running {__name__}.work (")


def test_what_nothing_holds_has_no_name() -> None:
    """But for the list that asks."""
    error = Held("nowhere")
    number = id(error)
    asked = names_of([error])
    assert all("error" in name for name in asked.get(number, []))


def test_a_search_keeps_nothing_alive_and_changes_no_traceback() -> None:
    """Beside many retained entries."""
    error = held.module_level
    raise_many(error, 100)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3):
        names_of([error])
    gc.collect()
    error.__traceback__ = None
    assert len(gc.get_objects()) <= before
