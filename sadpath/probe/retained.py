"""Estimate the bytes that the newest entries of a traceback chain retain, from a bounded sample.

The rule is the garbage collector's own: an object belongs to the chain where every reference to it comes from the
chain. So the application, its settings and its caches, which locals refer to as well, are not counted, and a request's
data is.
"""

import gc
import sys
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Set, Tuple

MAX_OBJECTS = 4096
"""Objects that one sample may visit, so that one huge local cannot make a look slow."""


class Sample(NamedTuple):
    """Bytes that `entries` traceback entries retain, with everything that only they refer to."""

    entries: int
    bytes: int


class _Referent:
    """An object that the chain refers to, and how many of its references were found there."""

    __slots__ = ("found", "target")

    def __init__(self, target: object) -> None:
        self.target = target
        self.found = 0

    def references(self) -> int:
        """All references to the object, ours included."""
        return sys.getrefcount(self.target)

    def is_fully_found(self) -> bool:
        """Whether nothing but the chain refers to the object."""
        return self.found == self.references() - _OURS


_OURS = _Referent(object()).references()


def sample_front(front: TracebackType, limit: int) -> Sample:
    """Size the newest entries of the chain that begins at `front`: at most `limit`, and whole raises where it can.

    What only a reference cycle within it retains is missed, and so is what lies beyond `MAX_OBJECTS`: a lower estimate.
    """
    entries, last_id = _whole_raises(front, limit)
    owned: List[object] = [front]
    referents: Dict[int, _Referent] = {}
    total = 0
    for _ in range(MAX_OBJECTS):
        if not owned:
            break
        holder: Any = owned.pop()
        total += sys.getsizeof(holder)
        found = _note([holder.tb_frame] if id(holder) == last_id else gc.get_referents(holder), referents)
        del holder
        owned += [referents.pop(key).target for key in found if referents[key].is_fully_found()]
    return Sample(entries, total)


def _note(targets: List[object], referents: Dict[int, _Referent]) -> Set[int]:
    """Note one more reference to each of `targets`; return their ids."""
    for target in targets:
        referents.setdefault(id(target), _Referent(target)).found += 1
    return {id(target) for target in targets}


def _whole_raises(front: TracebackType, limit: int) -> Tuple[int, int]:
    """Count up to `limit` entries, back to the last place where the front's code came round again; that entry's id."""
    entry, count = front, 1
    whole = None
    while count < limit and entry.tb_next is not None:
        if entry.tb_next.tb_frame.f_code is front.tb_frame.f_code:
            whole = count, id(entry)
        entry, count = entry.tb_next, count + 1
    return whole or (count, id(entry))
