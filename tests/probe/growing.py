"""Containers that grow, and what the probe finds of them: for `tests.probe.test_growth`, in a process of its own."""

import functools
import gc
import sys
import weakref
from collections import deque
from typing import Any, Callable, Dict, List

from sadpath.probe import growth
from sadpath.probe.heap import LiveExceptionCounter
from sadpath.probe.wire import GrownObjects, KeptExceptions
from tests.probe.raising import raise_many

ROUND = 100


class Kept(Exception):  # noqa: N818
    """What is kept."""


class Row:
    """What grows."""


class Opinionated(dict):  # type: ignore[type-arg]
    """A dictionary with an opinion."""

    def __len__(self) -> int:
        raise AssertionError("this is the user's code")

    __iter__ = values = items = __reversed__ = __len__  # type: ignore[assignment]


errors: List[Kept] = []
by_id: Dict[int, Dict[str, Kept]] = {}
newest: "deque[Kept]" = deque(maxlen=60)
rows: Dict[str, Row] = {}
texts: List[str] = []
batches: List[Any] = []
last: Dict[str, Exception] = {}
counts: Dict[str, int] = {}
ring: "deque[Row]" = deque(maxlen=300)
queue: "deque[Row]" = deque()
opinionated = Opinionated()


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.9
def looked_up(_: int) -> Row:
    """Be cached for ever."""
    return Row()


@functools.lru_cache(maxsize=500)
def looked_up_for_a_while(_: int) -> Row:
    """Be cached, up to a bound."""
    return Row()


def raised(number: int) -> Kept:
    """An exception with a traceback."""
    error = Kept(f"number {number}")
    raise_many(error, 1)
    return error


def filled() -> Row:
    """A row with a list of its own."""
    row = Row()
    row.cells = list(range(2 * ROUND))  # type: ignore[attr-defined]
    return row


def fill_opinionated() -> None:
    """Without asking it."""
    for i in range(ROUND):
        dict.__setitem__(opinionated, i, Row())


def fail_because_of_the_last() -> None:
    """Raise each exception from the one before."""
    for number in range(ROUND):
        one = raised(number)
        one.__cause__, last["one"] = last.get("one"), one


ROUNDS: Dict[str, Callable[[], Any]] = {
    "a list of exceptions": lambda: errors.extend(map(raised, range(ROUND))),
    "a dictionary of dictionaries with exceptions": lambda: by_id.update(
        {i: {"error": raised(i)} for i in range(ROUND)}
    ),
    "a chain of exceptions": fail_because_of_the_last,
    "a deque of exceptions with a bound": lambda: newest.extend(map(raised, range(50))),
    "exceptions that go": lambda: list(map(raised, range(ROUND))),
    "a dictionary": lambda: rows.update({str(i): Row() for i in range(ROUND)}),
    "a dictionary of numbers": lambda: counts.update({str(i): i for i in range(ROUND)}),
    "classes": lambda: batches.extend(type("Made", (Row,), {}) for _ in range(ROUND)),
    "lists in a list": lambda: batches.extend(list(range(2 * ROUND)) for _ in range(ROUND)),
    "objects with lists": lambda: rows.update({str(i): filled() for i in range(ROUND)}),
    "a list of texts": lambda: texts.extend(map(str, range(ROUND))),
    "a deque with a bound": lambda: ring.extend(Row() for _ in range(ROUND)),
    "a deque without a bound": lambda: queue.extend(Row() for _ in range(ROUND)),
    "a cache without a bound": lambda: list(map(looked_up, range(ROUND))),
    "a cache with a bound": lambda: list(map(looked_up_for_a_while, range(ROUND))),
    "a dictionary with an opinion": fill_opinionated,
}
"""What a round of load leaves behind."""


def kept_after(left: str, left_before: str = "") -> List[KeptExceptions]:
    """Return what the probe finds of exceptions after a round that leaves this."""
    ROUNDS.get(left_before, empty)()
    growth.begin()
    ROUNDS[left]()
    try:
        return growth.kept(limit=5)
    finally:
        growth.end()
        empty()


def grown_after(left: str) -> List[GrownObjects]:
    """Return what the probe finds of anything else."""
    growth.begin()
    ROUNDS[left]()
    try:
        return growth.grown(limit=5)
    finally:
        growth.end()
        empty()


def grown_where_one_length_is_remembered() -> List[GrownObjects]:
    """Return what the probe finds where nothing grew, and it could remember the length of one container only."""
    texts.extend(map(str, range(10 * ROUND)))
    growth.MAX_CONTAINERS, before = 1, growth.MAX_CONTAINERS
    growth.begin()
    growth.MAX_CONTAINERS = before
    try:
        return growth.grown(limit=50)
    finally:
        growth.end()
        empty()


def row_is_alive_after_a_look() -> bool:
    """Return whether a look keeps alive what was in a container."""
    rows["row"] = Row()
    gone = weakref.ref(rows["row"])
    growth.begin()
    rows.clear()
    growth.grown(limit=5)
    gc.collect()
    return gone() is not None


def counted_as_the_heap_grows() -> List[int]:
    """Return what a counter of live exceptions counts before and after many are kept, and how many these are."""
    counter = LiveExceptionCounter()
    counter.install()
    counter._next = 0.0  # noqa: SLF001 - it would wait a hundred times as long as it took
    before = counter.count
    gc.disable()  # a count half-way would be followed by no other, if what comes after it is less than a quarter
    many = [Kept(number) for number in range(sys.getallocatedblocks())]
    gc.collect()
    gc.enable()
    counter.remove()
    return [before, counter.count, len(many)]


def empty() -> None:
    """Leave nothing to the next round."""
    for one in (errors, by_id, newest, rows, texts, batches, last, counts, ring, queue):
        one.clear()
    dict.clear(opinionated)
    looked_up.cache_clear()
    looked_up_for_a_while.cache_clear()


def calls_of_a_look(containers: int) -> int:
    """Return how many functions of Python a look calls with so many more containers in the heap."""
    many = [[number] * 20 for number in range(containers)]
    calls: List[int] = []
    sys.setprofile(lambda _frame, event, _arg: calls.append(1) if event == "call" else None)
    growth.begin()
    growth.grown(limit=5)
    sys.setprofile(None)
    growth.end()
    return len(calls) if many else 0
