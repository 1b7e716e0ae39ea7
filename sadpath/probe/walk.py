"""Walk from the namespaces of all modules to what they lead to, level by level.

Never into frames or tracebacks, which is where the millions of entries of a leak are. Bounded by the number of objects
and by time, and by the elements of one container, of which the newest are followed.
"""

import sys
import time
from itertools import compress
from types import BuiltinFunctionType, CodeType, FrameType, ModuleType, TracebackType
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set
from weakref import ref

from .objects import in_parts, items_of, namespace_of, referents, suspended_frame

MAX_OBJECTS = 2_000_000
MAX_SECONDS = 5.0

_LEAVES = (
    *(str, bytes, bytearray, memoryview, int, float, bool, complex, range, type(None), type(...)),
    *(CodeType, FrameType, TracebackType, BuiltinFunctionType, ref),
)
_LEAF_IDS = frozenset(map(id, _LEAVES))
"""By id, since a metaclass may define the hash of classes. Nothing that we look for is reached through these alone."""

OURS = __name__.rpartition(".")[0] + "."
_NOT_SEARCHED_FOR = (OURS, "__mp_main__")
"""How names begin that nobody searches for: ours, and the second one that `multiprocessing` gives `__main__`."""


def namespaces() -> Dict[str, Dict[str, Any]]:
    """Return the namespace of each module, by its name; not ours."""
    return {
        name: namespace
        for name, module in items_of(sys.modules)
        if type(name) is str and issubclass(type(module), ModuleType) and not name.startswith(_NOT_SEARCHED_FOR)
        if (namespace := namespace_of(module)) is not None
    }


def levels() -> Iterator[List[Any]]:
    """Yield the namespaces of all modules, then what they refer to, then what that refers to; each object once."""
    level: List[Any] = list(namespaces().values())
    seen: Set[int] = set(map(id, level))
    until = time.monotonic() + MAX_SECONDS
    while level:
        seen.update((id(level), id(seen)))
        yield level
        level = _next_level(level, seen, until)


def chains_to(ids: Iterable[int]) -> Dict[int, List[Any]]:
    """Return for each id of an object the shortest chain of references that leads to it from a module.

    The chain ends with the object. An id that has gone from the heap, or that no module leads to, is left out.
    """
    wanted = frozenset(ids)
    walked: List[List[Any]] = []
    ends: List[End] = []
    for level in levels() if wanted else ():
        walked.append(level)
        ends += [End(one, len(walked) - 1) for one in compress(level, map(wanted.__contains__, map(id, level)))]
        if len(ends) == len(wanted):
            break
    return chains(ends, walked)


class End(NamedTuple):
    """An object that a walk came to, and at which level."""

    target: Any
    depth: int


def chains(ends: Sequence[End], walked: Sequence[Sequence[Any]]) -> Dict[int, List[Any]]:
    """Return the chain that leads to each of some ends of a walk, by its id; searched for backwards, all at once."""
    found = {id(end.target): [end.target] for end in ends}
    until = time.monotonic() + MAX_SECONDS
    for depth in range(len(walked) - 2, -1, -1):
        heads: Dict[int, List[List[Any]]] = {}
        for end in ends:
            if end.depth > depth:
                heads.setdefault(id(found[id(end.target)][-1]), []).append(found[id(end.target)])
        for holder, key in _holders_of(set(heads), walked[depth], until):
            for chain in heads.pop(key, ()):
                chain.append(holder)
    complete = {id(end.target) for end in ends if len(found[id(end.target)]) == end.depth + 1}
    return {key: chain[::-1] for key, chain in found.items() if key in complete}


def held_by(*holders: Any) -> List[Any]:
    """Return what objects refer to, with what the frames of those refer to that are suspended."""
    held = referents(*holders)
    if _FRAMES_ARE_APART:
        for frame in filter(None, map(suspended_frame, holders)):
            held += referents(frame)
    return held


_FRAMES_ARE_APART = sys.version_info[:2] < (3, 11)
"""Whether a suspended frame is an object of its own, into which a walk that avoids frames would not look."""


def _next_level(level: Sequence[Any], seen: Set[int], until: float) -> List[Any]:
    """Return what a level refers to and was not seen yet, and note it; nothing once a bound is reached."""
    further: List[Any] = []
    for holders in in_parts(level):
        if len(seen) > MAX_OBJECTS or time.monotonic() > until:
            break
        held = held_by(*holders)
        new = dict(zip(map(id, held), held))
        fresh = [one for key, one in new.items() if key not in seen and id(type(one)) not in _LEAF_IDS]
        seen.update(map(id, fresh))
        further += fresh
    return further


def _holders_of(missing: Set[int], level: Sequence[Any], until: float) -> Iterator[Any]:
    """Yield the first of a level that refers to each of the missing ids, with that id."""
    for holders in in_parts(level):
        if not missing or time.monotonic() > until:
            return
        if missing.isdisjoint(map(id, held_by(*holders))):
            continue
        for holder in holders:
            for key in missing.intersection(map(id, held_by(holder))):
                missing.discard(key)
                yield holder, key
