"""A full census: every live exception in the heap, and how long its traceback is.

It visits each object that the garbage collector tracks, so it costs about half of a full collection. Ask for it between
rounds of load; `sadpath.probe.census` follows a known exception at the price of what is new.
"""

import gc
import sys
import time
from collections import Counter
from itertools import chain, compress, repeat
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from .objects import traceback_length, traceback_of, type_name


class LiveException(NamedTuple):
    """One exception object found in the heap, by value: its `id`, its class's dotted name, its traceback entries."""

    exception_id: int
    type_name: str
    entries: int


class HeapCensus(NamedTuple):
    """The live exceptions: how many there are, and those that have a traceback, the longest first."""

    live: int
    with_traceback: List[LiveException]


def full_census(frozen: Iterable[BaseException] = ()) -> HeapCensus:
    """Find all live exceptions; `frozen` are those that the collector does not know. Keeps none of them alive."""
    live, with_traceback = 0, []
    for exception in chain(live_exceptions(), frozen):
        live += 1
        count = traceback_length(traceback_of(exception))
        if count:
            with_traceback.append(LiveException(id(exception), type_name(type(exception)), count))
    return HeapCensus(live, sorted(with_traceback, key=lambda one: one.entries, reverse=True))


OLDEST_GENERATION = 2

CHANGE = 1.25
"""By how much the heap must have grown or shrunk since the last count for another, by `sys.getallocatedblocks`."""


class LiveExceptionCounter:
    """Counts the live exceptions after a full collection, if the heap has grown or shrunk by a quarter since.

    A count makes a list of all objects, and the allocator keeps room for such a list ever after: under a steady load
    that would look like growth. So a heap that stays as it is, is counted once. A count is also left out where it would
    take more than a hundredth of the time since the last one.
    """

    def __init__(self) -> None:
        self.count = 0
        self._blocks = 0.0
        self._next = 0.0

    def install(self) -> None:
        """Count now, and after full collections from now on."""
        self._recount()
        gc.callbacks.append(self._on_collection)

    def remove(self) -> None:
        """Count no more."""
        gc.callbacks.remove(self._on_collection)

    def _on_collection(self, phase: str, info: "dict[str, int]") -> None:
        if phase != "stop" or info["generation"] != OLDEST_GENERATION or time.monotonic() < self._next:
            return
        if not self._blocks / CHANGE <= sys.getallocatedblocks() <= self._blocks * CHANGE:
            self._recount()

    def _recount(self) -> None:
        began = time.monotonic()
        self.count = sum(1 for _ in live_exceptions())
        self._blocks = sys.getallocatedblocks()
        ended = time.monotonic()
        self._next = ended + 100 * (ended - began)


def live_exceptions() -> Iterator[BaseException]:
    """Yield them: two C loops over the heap, by the classes' own lists of bases, so no class of a user is asked."""
    objects = gc.get_objects()
    return compress(objects, map(issubclass, map(type, objects), repeat(BaseException)))


def counted_types(objects: Sequence[Any]) -> List[Tuple[str, int]]:
    """Count the objects of each type, by its dotted name, the most frequent first."""
    kinds: Tuple[type, ...] = tuple(map(type, objects))
    by_id: Dict[int, type] = dict(zip(map(id, kinds), kinds))
    counts: Counter[str] = Counter()
    for key, count in Counter(map(id, kinds)).items():  # several classes may have one name
        counts[type_name(by_id[key])] += count
    return counts.most_common()
