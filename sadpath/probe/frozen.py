"""What `gc.freeze` has hidden from the collector, and so from its list of all objects.

A server that forks after it has loaded the application freezes the heap, so that the pages stay shared: gunicorn with
`preload_app`. What is hidden is found over the references from modules. That takes seconds in a large heap, so the ways
to hidden exceptions are remembered, as numbers that keep nothing alive, until one is lost or more is frozen.
"""

import gc
from typing import Any, List, Optional, Sequence, Tuple

from .heap import live_exceptions
from .walk import End, chains, held_by, levels, namespaces

MAX_EXCEPTIONS = 1000

_Way = Tuple[int, ...]
"""The ids of a namespace, of what it refers to, and so on to an exception."""


class _Known:
    """How many objects were frozen at the last look, and the ways to the exceptions among them."""

    frozen = 0
    ways: Sequence[_Way] = ()


def all_objects() -> List[Any]:
    """Return all objects that the collector follows, and those that are hidden from it and that modules lead to."""
    objects = gc.get_objects()
    if gc.get_freeze_count():
        known = set(map(id, objects))
        for level in levels():
            objects += [one for one in level if id(one) not in known and gc.is_tracked(one)]
    return objects


def frozen_exceptions() -> List[BaseException]:
    """Return the exceptions that are hidden from the collector and that modules lead to."""
    frozen = gc.get_freeze_count()
    found = _at_the_ends() if frozen else []
    if frozen > _Known.frozen or len(found) < len(_Known.ways):  # it died, or what leads to it has changed
        _Known.ways = _ways() if frozen else ()
        found = _at_the_ends()
    _Known.frozen = frozen
    return found


def _at_the_ends() -> List[BaseException]:
    return [one for one in map(_at_the_end, _Known.ways) if issubclass(type(one), BaseException)]


def _ways() -> Sequence[_Way]:
    known = set(map(id, live_exceptions()))
    walked, ends = [], []
    for depth, level in enumerate(levels()):
        walked.append(level)
        ends += [End(one, depth) for one in level if issubclass(type(one), BaseException) and id(one) not in known]
    return [tuple(map(id, chain)) for chain in chains(ends[:MAX_EXCEPTIONS], walked).values()]


def _at_the_end(way: _Way) -> Any:
    """Follow a way; None where it has changed."""
    held: Sequence[Any] = list(namespaces().values())
    holder: Optional[Any] = None
    for key in way:
        holder = next((one for one in held if id(one) == key), None)
        if holder is None:
            return None
        held = held_by(holder)
    return holder
