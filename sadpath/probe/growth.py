"""What there is more of after a round than before: exceptions that something keeps, or objects of any type.

A look before remembers numbers only, ids and lengths, and keeps nothing alive.
"""

import gc
import time
from collections import Counter, deque
from itertools import compress, islice, repeat
from operator import is_, not_
from types import FrameType, TracebackType
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from .explain import described
from .frozen import all_objects
from .heap import counted_types, live_exceptions
from .holders import in_words, modules_by_id, own_name
from .looks import collect
from .objects import LruCache, container_kind, in_parts, newest_of, referents, type_name
from .walk import MAX_SECONDS, chains_to
from .wire import ContainerLength, EmptyAnswer, GrownObjects, KeptExceptions

OPS = ("begin", "kept", "grown", "end")

MAX_CONTAINERS = 300_000
MAX_HOLDERS = 1_000_000
SAMPLED = 5
LEAST_REMEMBERED = 10
"""Elements of a container from which its length is remembered: of the many small ones it would say little."""

GROWN_BY = 30
"""Elements that a container must have got, in a round of a hundred requests, to be named."""

_CONTAINERS = (dict, list, set, deque, LruCache)
_RETAINED = (FrameType, TracebackType)
"""What a leak has millions of, and what refers to no container of its own."""


class _Before:
    """The numbers of the look before."""

    exceptions: Set[int]
    types: Dict[str, int]
    lengths: Dict[int, int]
    has_all_lengths: bool

    def __init__(self) -> None:
        self.exceptions, self.types, self.lengths, self.has_all_lengths = set(), {}, {}, True


_before = _Before()


def begin() -> EmptyAnswer:
    """Op: look at what there is."""
    collect()
    _before.exceptions = set(map(id, live_exceptions()))
    _before.types = _counted()
    lengths = ((id(one), length) for length, one in _containers(LEAST_REMEMBERED))
    _before.lengths = dict(islice(lengths, MAX_CONTAINERS))
    _before.has_all_lengths = len(_before.lengths) < MAX_CONTAINERS
    return {}


def end() -> EmptyAnswer:
    """Op: forget the look."""
    _before.__init__()  # type: ignore[misc]  # empty again
    return {}


def kept(limit: int) -> List[KeptExceptions]:
    """Op: return the exceptions that are new since the look, by type, the most frequent first."""
    collect()
    by_type: Dict[str, List[BaseException]] = {}
    for exception in live_exceptions():
        if id(exception) not in _before.exceptions:
            by_type.setdefault(type_name(type(exception)), []).append(exception)
    most = sorted(by_type.items(), key=lambda item: -len(item[1]))[:limit]
    return [_of_kept(name, new) for name, new in most]


def grown(limit: int) -> List[GrownObjects]:
    """Op: return the containers that grew most since the look, and the type of which most objects came."""
    collect()
    containers = _grown_containers(limit)  # before we make some of our own
    counts = _counted()
    more = Counter({name: count - _before.types.get(name, 0) for name, count in counts.items()})
    types = [(name, count) for name, count in more.most_common(limit) if count > 0]
    name, count = types[0] if types else ("", 0)
    if not containers:
        return [{"type": name, "count": count, "types": types, "held_by": ""}] if count else []
    chains = chains_to(map(id, containers))
    return [
        {
            "type": _newest_type(one) or name,
            "count": by,
            "types": types,
            "held_by": _name(one, chains.get(id(one), [])),
            **_lengths(one, chains.get(id(one), [])),
        }
        for one in containers
        if (by := _length(one) - _before.lengths.get(id(one), 0))
    ]


def _of_kept(name: str, new: Sequence[BaseException]) -> KeptExceptions:
    sample = list(new[-SAMPLED:])
    chain = next(iter(chains_to(map(id, sample)).values()), [])
    to_container = _to_container(chain, len(new))
    to_holder = to_container or chain
    newest = described(sample[-1])
    answer: KeptExceptions = {
        "type": name,
        "count": len(new),
        "message": newest["message"],
        "raised_at": newest["raised_at"],
        "held_by": _name(to_holder[-1], to_holder) if to_holder else "",
    }
    return {**answer, **_lengths(to_container[-1], to_container)} if to_container else answer


def _to_container(chain: Sequence[Any], count: int) -> Sequence[Any]:
    """Return a chain up to its last container with an element for every other of `count` objects; empty without one."""
    ends = [i for i, one in enumerate(chain[:-1]) if _is_container(one) and _length(one) >= max(count // 2, 2)]
    return chain[: ends[-1] + 1] if ends else []


def _name(held: Any, chain: Sequence[Any]) -> str:
    """Return the name of an object to which a chain leads; empty without one, but for a cache, which has its own."""
    if issubclass(type(held), LruCache):
        return own_name(held, {})
    return in_words(chain, modules_by_id()) if chain else ""


def _lengths(container: Any, chain: Sequence[Any]) -> ContainerLength:
    """Return the length of a container, and the length that it cannot pass, if it has one."""
    return {"length": _length(container), "bounded": _bound(container, chain)}


def _bound(container: Any, chain: Sequence[Any]) -> Optional[int]:
    if issubclass(type(container), deque):
        bound: Optional[int] = deque.maxlen.__get__(container)
        return bound
    caches = [one for one in (*chain, container) if issubclass(type(one), LruCache)]
    size: Optional[int] = LruCache.cache_info(caches[-1]).maxsize if caches else None
    return size


def _newest_type(container: Any) -> str:
    """Return the type of the element that a container got last; empty where that cannot be seen."""
    newest = newest_of(container, 1) if container_kind(type(container)) else ()
    return type_name(type(newest[0])) if newest else ""


def _grown_containers(limit: int) -> List[Any]:
    grown_by = [
        (length - _before.lengths.get(id(one), 0), one)
        for length, one in _containers(GROWN_BY)
        if not _is_ours(one) and _was_seen(one)
    ]
    most = sorted((one for one in grown_by if one[0] >= GROWN_BY), key=lambda one: -one[0])
    return [container for _, container in most[:limit]]


def _was_seen(container: Any) -> bool:
    """Whether the length before is known: where there were too many, one that is missing may be as long as it was."""
    return _before.has_all_lengths or id(container) in _before.lengths


def _is_ours(container: Any) -> bool:
    return any(container is one for one in (_before.exceptions, _before.types, _before.lengths))


def _containers(least: int) -> List[Tuple[int, Any]]:
    """Return the containers in the heap that have so many elements, with their number. In C, since there are millions.

    They are known by their types, and not by a `__class__` that they may define.
    """
    objects = all_objects()
    every = objects + _unseen(objects)
    found: List[Tuple[int, Any]] = []
    for kind in _CONTAINERS:
        ones = list(compress(every, map(issubclass, map(type, every), repeat(kind))))
        lengths = list(map(_LENGTH[kind], ones))
        long = compress(zip(lengths, ones), map(least.__le__, lengths))
        found += [(length, one) for length, one in long if one is not objects]
    return found


def _unseen(objects: List[Any]) -> List[Any]:
    """Return the dictionaries that the collector does not follow: those of texts and numbers alone."""
    are_retained = map(issubclass, map(type, objects), repeat(_RETAINED))
    holders = list(compress(objects, map(not_, are_retained)))[:MAX_HOLDERS]
    found: Dict[int, Any] = {}
    until = time.monotonic() + MAX_SECONDS
    for part in in_parts(holders):
        held = referents(*part)
        dictionaries = compress(held, map(is_, map(type, held), repeat(dict)))
        found.update((id(one), one) for one in dictionaries if not gc.is_tracked(one))
        if time.monotonic() > until:
            break
    return list(found.values())


def _is_container(one: Any) -> bool:
    return issubclass(type(one), _CONTAINERS)


def _length(container: Any) -> int:
    kind = next(kind for kind in _CONTAINERS if issubclass(type(container), kind))
    return int(_LENGTH[kind](container))


_LENGTH: Dict[Any, Any] = {
    **{kind: kind.__len__ for kind in _CONTAINERS if kind is not LruCache},
    LruCache: lambda cache: LruCache.cache_info(cache).currsize,
}


def _counted() -> Dict[str, int]:
    """Count the objects of each type in the heap."""
    return dict(counted_types(gc.get_objects()))
