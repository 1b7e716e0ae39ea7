"""Estimate the bytes that the newest entries of a traceback chain retain, from a bounded sample.

The rule is the garbage collector's own: an object belongs to the chain where every reference to it comes from the
chain. So the application, its settings and its caches, which locals refer to as well, are not counted, and a request's
data is.

Nothing that a user's class defines is called: lengths, elements and sizes come from the slots of Python's own types.
"""

import sys
from itertools import islice
from time import thread_time
from types import FrameType, MethodDescriptorType, TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from .objects import container_kind, dict_of_class, flags_of, look_up, mro_of, referents

MAX_REFERENCES = 8192
"""References that one sample may follow, so that many locals cannot make a look slow."""

MAX_SECONDS = 0.003
"""CPU time that one sample may take, whatever the locals are, once it has followed `ALWAYS_FOLLOWED` references."""

ALWAYS_FOLLOWED = 2048
"""References that a sample follows also where a collection, which can begin at any time, takes the time it has."""

MAX_ELEMENTS = 128
"""Elements of one container that are all visited; of a larger one, `SAMPLED_ELEMENTS` stand for the others."""

SAMPLED_ELEMENTS = 64


class SizedEntries(NamedTuple):
    """Bytes that `entries` traceback entries retain, with everything that only they refer to.

    `is_cut` if a bound was reached: then they are the entries that were finished or, if not even one was, a part of the
    first, and `bytes` is too low.
    """

    entries: int
    bytes: int
    is_cut: bool = False


class _Referent:
    """An object that the chain refers to, and how many of its references were counted there."""

    __slots__ = ("counted", "target")

    def __init__(self, target: object) -> None:
        self.target = target
        self.counted = 0

    def references(self) -> int:
        """All references to the object, ours included."""
        return sys.getrefcount(self.target)

    def is_owned(self) -> bool:
        """Whether nothing but the chain refers to the object."""
        return self.counted == self.references() - _OURS


_OURS = _Referent(object()).references()


class _Budget:
    """What one sample may still follow, and how the objects of a class are sized, by the class's id.

    A class stays with its entry, so that no other can have its id meanwhile.
    """

    def __init__(self) -> None:
        self.references = MAX_REFERENCES
        self.until = thread_time() + MAX_SECONDS
        self.slots: Dict[int, Tuple[type, Any, int]] = {}

    def take(self, references: int) -> None:
        """Take as many references of it."""
        self.references -= references

    def is_left(self) -> bool:
        """Whether the sample may go on."""
        if self.references > MAX_REFERENCES - ALWAYS_FOLLOWED:
            return True
        return self.references > 0 and thread_time() < self.until


def size_front(front: TracebackType, limit: int) -> SizedEntries:
    """Size the newest entries of the chain that begins at `front`: at most `limit`, and whole raises where it can.

    The entries are sized one after the other; where a bound ends the work, those that were finished are the sample. It
    is a lower estimate: it misses what only a reference cycle within the chain retains and, on Python 3.11 and 3.12,
    the block that holds the attributes of an instance whose `__dict__` nobody asked for.
    """
    budget = _Budget()
    referents: Dict[int, _Referent] = {}
    entry: Optional[TracebackType] = front
    finished = whole = SizedEntries(0, 0)
    for _ in range(_whole_raises(front, limit)):
        if entry is None:
            break
        if entry.tb_frame.f_code is front.tb_frame.f_code:
            whole = finished
        size = _own_bytes(entry, referents, budget)
        finished = SizedEntries(finished.entries + 1, finished.bytes + size.bytes)
        if size.is_cut:
            return whole._replace(is_cut=True) if whole.entries else finished._replace(is_cut=True)
        entry = entry.tb_next
    return finished


def _own_bytes(entry: TracebackType, referents: Dict[int, _Referent], budget: _Budget) -> SizedEntries:
    """Size one entry, its frame, and what only the entries so far refer to."""
    total = float(_size(entry, budget))
    owned: List[Tuple[Any, float]] = _note([entry.tb_frame], 1.0, referents)
    while owned:
        if not budget.is_left():
            return SizedEntries(1, int(total), is_cut=True)
        holder, weight = owned.pop()
        total += weight * _size(holder, budget)
        targets, share = _referents(holder)
        del holder
        budget.take(len(targets))
        noted = _note(targets, weight / share, referents)
        del targets
        owned += noted
    return SizedEntries(1, int(total))


def _note(targets: List[object], weight: float, referents: Dict[int, _Referent]) -> List[Tuple[object, float]]:
    """Note one more reference to each of `targets`; return those that nothing else refers to, each with its weight."""
    for target in targets:
        referents.setdefault(id(target), _Referent(target)).counted += 1
    keys: Set[int] = set(map(id, targets))
    targets.clear()  # its references would count
    target = None
    return [(referents.pop(key).target, weight) for key in keys if referents[key].is_owned()]


def _referents(holder: Any) -> Tuple[List[object], float]:
    """Return what an object refers to, and which share of it this is: a sample of the elements of a large container.

    A list of all referents is never made for a large one: it would be as long as the container.
    """
    kind = container_kind(type(holder))
    length = kind.__len__(holder) if kind else 0
    if length <= MAX_ELEMENTS:  # the collector leaves out keys that are strings, since these refer to nothing
        return _items(holder, length) if kind is dict else referents(holder), 1.0
    if kind is list or kind is tuple:
        elements = list(kind.__getitem__(holder, slice(None, None, length // SAMPLED_ELEMENTS)))
        return elements, len(elements) / length
    return _first_elements(holder, kind), SAMPLED_ELEMENTS / length


def _first_elements(holder: Any, kind: Any) -> List[object]:
    """Return the first `SAMPLED_ELEMENTS` of a set or a deque, or the keys and values of as many items of a dict."""
    if kind is dict:
        return _items(holder, SAMPLED_ELEMENTS)
    try:
        return list(islice(kind.__iter__(holder), SAMPLED_ELEMENTS))
    except RuntimeError:  # another thread changed it meanwhile
        return []


def _items(holder: Any, limit: int) -> List[object]:
    """Return the first keys and values of a dict."""
    try:
        return [*islice(dict.keys(holder), limit), *islice(dict.values(holder), limit)]
    except RuntimeError:
        return []


_IS_GC = 1 << 14
_HAS_PREHEADER = (1 << 3) | (1 << 4) if sys.version_info >= (3, 11) else 0
"""Flags of a type, in CPython's `Include/object.h`: what `sys.getsizeof` adds to a size, 16 bytes for each."""


def _size(target: object, budget: _Budget) -> int:
    """Return the bytes of one object as `sys.getsizeof` does, but by the `__sizeof__` of Python's own type."""
    kind = type(target)
    known = _SLOTS.get(id(kind)) or budget.slots.get(id(kind))
    if known is None:
        known = budget.slots[id(kind)] = _slot_of(kind)
    _, slot, extra = known
    return int(slot(target)) + extra


def _slot_of(kind: type) -> Tuple[type, Any, int]:
    """Return a class, the `__sizeof__` that C code gives it, also by a base, and the bytes in front of its objects."""
    slots = (look_up(dict_of_class(base), "__sizeof__") for base in mro_of(kind))
    slot: Any = next(slot for slot in slots if type(slot) is MethodDescriptorType)
    flags = flags_of(kind)
    return kind, slot, 16 * bool(flags & _IS_GC) + 16 * bool(flags & _HAS_PREHEADER)


_COMMON = (TracebackType, FrameType, list, tuple, dict, set, frozenset, str, bytes, bytearray, int, float, bool)
_SLOTS: Dict[int, Tuple[type, Any, int]] = {id(kind): _slot_of(kind) for kind in _COMMON}
"""Of types that never die, by `id`, so that most objects need no walk through the bases of their class."""


def _whole_raises(front: TracebackType, limit: int) -> int:
    """Count up to `limit` entries, back to the last place where the front's code came round again."""
    entry, count = front, 1
    whole = 0
    while count < limit and entry.tb_next is not None:
        if entry.tb_next.tb_frame.f_code is front.tb_frame.f_code:
            whole = count
        entry, count = entry.tb_next, count + 1
    return whole or count
