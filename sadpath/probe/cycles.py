"""Name what closes the circles of references that exceptions are part of.

A circle is garbage that only the collector frees. For a round it is switched off; then one collection saves what it
finds instead of freeing it, and each exception's way back to itself is searched in there.
"""

import gc
import time
from types import CellType, FrameType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .heap import counted_types
from .looks import collect, switch_off, switch_on
from .objects import local_name, referents, suspended_frame, type_name
from .raise_sites import file_of, function_of, is_own
from .walk import MAX_SECONDS
from .wire import ClosedCircle, CyclesAnswer, EmptyAnswer

OPS = ("begin", "end")

MAX_EXCEPTIONS = 30
MAX_OBJECTS = 20_000
MAX_TYPES = 5


class _ClosingLocal(NamedTuple):
    """A local of a function that closes a circle, and where the function stood."""

    local: str
    function: str
    file: str
    line: int


def begin() -> EmptyAnswer:
    """Op: collect what there is, and switch the collector off for a round."""
    collect()
    switch_off()
    return {}


def end() -> CyclesAnswer:
    """Op: count the objects in circles since `begin`, name what closes those of exceptions, and free them."""
    garbage_before, flags = len(gc.garbage), gc.get_debug()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        collect()
    finally:
        gc.set_debug(flags)
    saved = gc.garbage[garbage_before:]
    del gc.garbage[garbage_before:]
    try:
        return _found(saved)
    finally:
        saved.clear()
        switch_on()
        collect()


def _found(saved: Sequence[Any]) -> CyclesAnswer:
    inside = set(map(id, saved))
    exceptions = [one for one in saved if issubclass(type(one), BaseException)]
    counts: Dict[Tuple[str, _ClosingLocal], int] = {}
    until = time.monotonic() + MAX_SECONDS
    for exception in exceptions[:MAX_EXCEPTIONS]:
        if time.monotonic() > until:
            break
        place = _closed_by(_circle(exception, inside))
        if place is not None:
            key = type_name(type(exception)), place
            counts[key] = counts.get(key, 0) + 1
    circles: List[ClosedCircle] = [
        {
            "type": name,
            "count": count,
            "own": is_own(at.file),
            "local": at.local,
            "function": at.function,
            "file": at.file,
            "line": at.line,
        }
        for (name, at), count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return {
        "objects": len(saved),
        "types": counted_types(saved)[:MAX_TYPES],
        "exceptions": len(exceptions),
        "circles": circles,
    }


def _circle(exception: BaseException, inside: Any) -> List[Any]:
    """Return the shortest way from an exception back to itself within the garbage; empty if it has none."""
    way_of: Dict[int, Tuple[Any, Optional[int]]] = {id(exception): (exception, None)}
    level: List[Any] = [exception]
    while level and len(way_of) < MAX_OBJECTS:
        further: List[Any] = []
        for holder in level:
            for child in referents(holder):
                if child is exception:
                    return [*_way(id(holder), way_of), exception]
                if id(child) in inside and id(child) not in way_of:
                    way_of[id(child)] = child, id(holder)
                    further.append(child)
        level = further
    return []


def _way(last: int, way_of: Dict[int, Tuple[Any, Optional[int]]]) -> List[Any]:
    way: List[Any] = []
    key: Optional[int] = last
    while key is not None:
        one, key = way_of[key]
        way.append(one)
    return way[::-1]


def _closed_by(circle: Sequence[Any]) -> Optional[_ClosingLocal]:
    """Return the local that leads back to the exception, nearest to it; None where no local does."""
    places = [_place(holder, child) for holder, child in zip(circle, circle[1:])]
    return next((place for place in reversed(places) if place is not None), None)


def _content(cell: CellType) -> Any:
    """Return what a variable of an enclosing function holds; the cell itself if that is nothing."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell


def _place(holder: Any, child: Any) -> Optional[_ClosingLocal]:
    """Return the local by which a frame, or what is suspended in one, refers to `child`; None if none does."""
    frame = holder if type(holder) is FrameType else suspended_frame(holder)
    name = local_name(frame, _content(child) if type(child) is CellType else child)
    if frame is None or not name:
        return None
    code = frame.f_code
    return _ClosingLocal(name, function_of(code), file_of(code), frame.f_lineno)
