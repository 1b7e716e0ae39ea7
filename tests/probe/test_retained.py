"""What a look estimates, and that it visits a bounded part of whatever the frames hold."""

import gc
import tracemalloc
from collections import OrderedDict, deque
from contextlib import suppress
from itertools import count
from typing import Any, Callable, Dict, List, NoReturn

import pytest

from sadpath.probe import retained
from sadpath.probe.census import look_at
from tests.probe.raising import raise_many
from tests.tracing import untraced

numbers = count(10**6)


class Error(Exception):
    """What the tests raise, again and again."""


class Point:
    """A small object."""

    __slots__ = ("x", "y")

    def __init__(self) -> None:
        self.x, self.y = float(next(numbers)), float(next(numbers))


def rows(size: int) -> Any:
    """Rows of a database."""
    return [{"id": next(numbers), "name": f"name {next(numbers)}"} for _ in range(size)]


def objects(size: int) -> Any:
    """Objects that hold two others."""
    return [Point() for _ in range(size)]


def strings(size: int) -> Any:
    """Distinct strings."""
    return [f"string {next(numbers)}" for _ in range(size)]


def mapping(size: int) -> Any:
    """A dict from string to string."""
    return {f"key {next(numbers)}": f"value {next(numbers)}" for _ in range(size)}


def raise_with(error: Error, held: Any) -> None:
    """Raise and catch `error` where a frame holds `held`."""
    with suppress(Error):
        _raise(error, held)


def _raise(error: Error, held: Any) -> NoReturn:
    assert held is not None
    raise error


@pytest.mark.parametrize("size", [3, 100, 2_000])
@pytest.mark.parametrize("local", [rows, objects, strings, mapping])
def test_the_estimate_is_within_30_percent_of_what_tracemalloc_finds(local: Callable[[int], Any], size: int) -> None:
    """Also where the locals are more than one sample may visit."""
    error = Error()
    with untraced():
        raise_with(error, local(size))
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(5):
                raise_with(error, local(size))
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert look_at(error).estimated_bytes * 5 / 6 == pytest.approx(grown, rel=0.3)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, deque, dict.fromkeys, OrderedDict.fromkeys])
def test_a_huge_local_is_sampled(kind: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of 10,000 objects is not visited whole, nor is a list made of what it refers to."""
    error, visited = Error(), []
    raise_with(error, kind(range(10**6, 10**6 + 10_000)))
    get_referents = gc.get_referents

    def counted(*holders: object) -> List[object]:
        found = get_referents(*holders)
        visited.append(len(found))
        return found

    monkeypatch.setattr(gc, "get_referents", counted)
    sample = look_at(error).sample
    assert max(visited) <= 10 * retained.MAX_ELEMENTS
    assert sample.bytes > 10_000 * 8


def test_a_look_that_is_out_of_budget_keeps_what_was_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are divided by the entries that were sized, not by all that were to be."""
    error = Error()
    raise_many(error, times=12, depth=1, payload=100_000)
    whole = look_at(error).sample
    monkeypatch.setattr(retained, "ALWAYS_FOLLOWED", 0)
    monkeypatch.setattr(retained, "MAX_REFERENCES", 40)
    cut = look_at(error).sample
    assert (whole.is_cut, cut.is_cut) == (False, True)
    assert cut.entries < whole.entries
    assert cut.bytes / cut.entries == pytest.approx(whole.bytes / whole.entries, rel=0.3)


def test_a_look_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many references it may still follow."""
    error = Error()
    raise_with(error, [[Point()] for _ in range(100)])
    whole = look_at(error).sample
    monkeypatch.setattr(retained, "ALWAYS_FOLLOWED", 0)
    monkeypatch.setattr(retained, "MAX_SECONDS", -1.0)
    cut = look_at(error).sample
    assert (whole.is_cut, cut.is_cut) == (False, True)
    assert cut.bytes < whole.bytes


def test_a_look_calls_no_code_of_the_classes_it_meets() -> None:
    """Not for a size, a length, an element, a comparison or a name."""
    called: List[str] = []

    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            called.append("Meta.__eq__")
            return True

        __hash__ = None  # type: ignore[assignment]

    def spy(name: str) -> Callable[..., int]:
        def method(*_: object) -> int:
            called.append(name)
            return 0

        return method

    names = ["__sizeof__", "__len__", "__iter__", "__eq__", "__hash__", "__repr__", "__getitem__", "__bool__"]
    space: Dict[str, Any] = {name: spy(name) for name in names}
    space["__class__"] = property(spy("__class__"))
    held = [Meta("Rude", (base,), space)() for base in (object, list, dict, set, tuple)]
    error = Error()
    raise_with(error, held)
    del held
    called.clear()
    assert look_at(error).estimated_bytes > 0
    assert called == []
