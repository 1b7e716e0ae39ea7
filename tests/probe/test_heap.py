import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from sadpath.probe.heap import LiveException, LiveExceptionCounter, full_census
from tests.probe.other_process import other_process
from tests.probe.raising import raise_many

ROOT = Path(__file__).parents[2]


class Error(Exception):
    """What the tests raise."""


def found() -> list[LiveException]:
    """What a full census finds of the tests' own."""
    gc.collect()
    return [one for one in full_census().with_traceback if one.type_name == f"{__name__}.Error"]


def test_a_full_census_finds_an_exception_that_nobody_named() -> None:
    """Its class, its id, and how many entries its traceback has."""
    error = Error()
    raise_many(error, times=40)
    assert found() == [LiveException(id(error), f"{__name__}.Error", 200)]


def test_a_full_census_lists_the_longest_traceback_first() -> None:
    """And leaves out exceptions that have none."""
    errors = [Error() for _ in range(3)]
    for times, error in enumerate(errors):
        raise_many(error, times)
    assert [one.entries for one in found()] == [10, 5]


def test_a_full_census_keeps_nothing_alive() -> None:
    """What it returns are values."""
    error = Error()
    raise_many(error, times=3)
    gone = weakref.ref(error)
    listed = full_census()
    del error
    gc.collect()
    assert listed
    assert gone() is None


@pytest.fixture
def counter() -> Iterator[LiveExceptionCounter]:
    """A counter at work."""
    counter = LiveExceptionCounter()
    counter.install()
    yield counter
    counter.remove()


def test_live_exceptions_are_counted_when_the_heap_has_grown() -> None:
    """Kept exceptions that make the heap larger by a quarter show up after the next full collection."""
    with other_process() as call:
        before, after, kept = call("tests.probe.growing.counted_as_the_heap_grows")
    assert after - before == kept > 0


def test_a_heap_that_stays_as_it_is_is_not_counted_again(counter: LiveExceptionCounter) -> None:
    """Counting makes a long list, whose room the allocator would keep: it must not look like a leak."""
    before = counter.count
    kept = [Error() for _ in range(100)]
    for _ in range(20):
        gc.collect()
    assert kept
    assert counter.count == before


def test_a_count_waits_for_a_hundred_times_as_long_as_the_last_one_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """A count of one second is followed by none within a hundred, however much the heap has grown."""
    readings, blocks = [10.0, 11.0], [1000]
    monkeypatch.setattr(
        "sadpath.probe.heap.time.monotonic", lambda: readings.pop(0) if len(readings) > 1 else readings[0]
    )
    monkeypatch.setattr("sadpath.probe.heap.sys.getallocatedblocks", lambda: blocks[0])
    counter = LiveExceptionCounter()
    counter._recount()  # noqa: SLF001
    blocks[0], counter.count = 10_000, -1
    for now, counted in ((110.0, False), (112.0, True)):
        readings[:] = [now]
        counter._on_collection("stop", {"generation": 2})  # noqa: SLF001
        assert (counter.count != -1) is counted


class Contrary(type):
    """A metaclass whose classes have no hash, and answer for their module with code of their own."""

    def __eq__(cls, other: object) -> bool:
        raise AssertionError(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise AssertionError


def test_a_full_census_runs_no_code_of_the_classes_it_meets() -> None:
    """A metaclass without a hash, and an exception that shadows its traceback."""
    odd = Contrary("Odd", (Exception,), {"__traceback__": property(lambda _: 1 / 0)})
    error = odd()
    raise_many(error, times=2)
    assert [one.entries for one in full_census().with_traceback if one.exception_id == id(error)] == [10]


def test_after_removal_no_callback_is_left() -> None:
    """The garbage collector runs as it did before."""
    before = list(gc.callbacks)
    counter = LiveExceptionCounter()
    counter.install()
    counter.remove()
    assert gc.callbacks == before


LOOPS = """
import asyncio, gc, sys
from sadpath.probe.objects import referents
from sadpath.probe.holders import names_of

async def main():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 1)
    await future

error = ValueError()
for _ in range(5):
    for _ in range(3):
        asyncio.run(main())
    assert referents(sys.modules["_asyncio"]) == [vars(sys.modules["_asyncio"])]
    assert names_of([error])
gc.collect()
"""


def test_no_module_is_asked_for_its_referents() -> None:
    """Python 3.12 hands out freed objects for `_asyncio`, and frees them twice: a collection would never end."""
    done = subprocess.run(
        [sys.executable, "-c", LOOPS], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
