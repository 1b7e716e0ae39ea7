"""What there is more of after a round than before: exceptions that something keeps, or objects of any type.

A look before remembers numbers only, ids and lengths, and keeps nothing alive.
"""

import gc
import time
from collections import Counter, deque
from itertools import compress, islice, repeat
from operator import is_, not_, sub
from types import FrameType, TracebackType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

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

MAX_GROWN, NEWEST = 1000, 100
"""Containers that grew, and elements of each, that are looked at for others."""

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
    for lengths, ones in _containers(LEAST_REMEMBERED):
        room = max(MAX_CONTAINERS - len(_before.lengths), 0)
        _before.lengths.update(islice(zip(map(id, ones), lengths), room))
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
    """Op: return the containers that grew most since the look, and the type of which most objects came.

    Those that have a name come first: a class has a container of its subclasses too, which nothing leads to.
    """
    collect()
    containers = _grown_containers(limit)  # before we make some of our own
    counts = _counted()
    more = Counter({name: count - _before.types.get(name, 0) for name, count in counts.items()})
    types = [(name, count) for name, count in more.most_common(limit) if count > 0]
    name, count = types[0] if types else ("", 0)
    if not containers:
        return [{"type": name, "count": count, "types": types, "held_by": ""}] if count else []
    chains = chains_to(map(id, containers))
    answers: List[GrownObjects] = [
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
    return sorted(answers, key=lambda one: not one["held_by"])  # what has a name can be searched for


def _of_kept(name: str, new: Sequence[BaseException]) -> KeptExceptions:
    sample = list(new[-SAMPLED:])
    chain = next(iter(chains_to(map(id, sample)).values()), [])
    to_container = _to_container(chain, len(new))
    newest = described(sample[-1])
    answer: KeptExceptions = {
        "type": name,
        "count": len(new),
        "message": newest["message"],
        "raised_at": newest["raised_at"],
        "held_by": _name(to_container[-1], to_container) if to_container else _name_of_kept(chain),
    }
    return {**answer, **_lengths(to_container[-1], to_container)} if to_container else answer


def _name_of_kept(chain: Sequence[Any]) -> str:
    """Return the name of an exception to which a chain leads; of exceptions that hold each other that of the newest."""
    exceptions = [i for i, one in enumerate(chain) if issubclass(type(one), BaseException)]
    if not exceptions:
        return ""
    name = _name(chain[exceptions[0]], chain[: exceptions[0] + 1])
    return f"{name} (each holds the one before)" if exceptions[1:] else name


def _to_container(chain: Sequence[Any], count: int) -> Sequence[Any]:
    """Return a chain up to its last container with an element for every other of `count` objects; empty without one.

    The namespace of a module, with which it begins, is none.
    """
    fits = [_is_container(one) and _length(one) >= max(count // 2, 2) for one in chain[1:-1]]
    ends = [i for i, fit in enumerate(fits, 1) if fit]
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
    grown_by: List[Tuple[int, Any]] = []
    for lengths, ones in _containers(GROWN_BY):
        before = map(_before.lengths.get, map(id, ones), repeat(0))
        more = list(map(sub, lengths, before))
        grown_by += compress(zip(more, ones), map(GROWN_BY.__le__, more))
    most = sorted((one for one in grown_by if not _is_ours(one[1]) and _was_seen(one[1])), key=lambda one: -one[0])
    grown = [container for _, container in most]
    leaked = _new_in(grown)
    return [one for one in grown if id(one) not in leaked][:limit]


def _new_in(grown: List[Any]) -> Set[int]:
    """Return the ids of new containers that lie in a container that grew: what each request leaves is no holder.

    They may be its elements, or attributes of these.
    """
    holders = [one for one in grown[:MAX_GROWN] if container_kind(type(one))]
    newest = [one for holder in holders for one in newest_of(holder, NEWEST)]
    attributes = referents(*newest)
    of_instances = referents(*_of_kind(attributes, dict))
    inside = set(map(id, [*newest, *attributes, *of_instances]))
    return {id(one) for one in grown if id(one) in inside and id(one) not in _before.lengths}


def _was_seen(container: Any) -> bool:
    """Whether the length before is known: where there were too many, one that is missing may be as long as it was."""
    return _before.has_all_lengths or id(container) in _before.lengths


def _is_ours(container: Any) -> bool:
    return any(container is one for one in (_before.exceptions, _before.types, _before.lengths))


def _containers(least: int) -> Iterator[Tuple[List[int], List[Any]]]:
    """Yield the containers in the heap that have so many elements: their lengths, and themselves; a kind at a time.

    In C, since there are millions. They are known by their types, and not by a `__class__` that they may define.
    """
    objects = all_objects()
    every = _of_kind(objects, _CONTAINERS) + _unseen(objects)
    for kind in _CONTAINERS:
        ones = _of_kind(every, kind)
        lengths = list(map(_LENGTH[kind], ones))
        yield list(filter(least.__le__, lengths)), list(compress(ones, map(least.__le__, lengths)))


def _of_kind(objects: List[Any], kinds: Any) -> List[Any]:
    return list(compress(objects, map(issubclass, map(type, objects), repeat(kinds))))


def _unseen(objects: List[Any]) -> List[Any]:
    """Return the dictionaries that the collector does not follow: those of texts and numbers alone."""
    are_retained = map(issubclass, map(type, objects), repeat(_RETAINED))
    holders = list(islice(compress(objects, map(not_, are_retained)), MAX_HOLDERS))
    found: Dict[int, Any] = {}
    until = time.monotonic() + MAX_SECONDS
    for part in in_parts(holders):
        held = referents(*part)
        dictionaries = list(compress(held, map(is_, map(type, held), repeat(dict))))
        unseen = list(compress(dictionaries, map(not_, map(gc.is_tracked, dictionaries))))
        found.update(zip(map(id, unseen), unseen))
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
