"""Marks in finished frames: how one look at a traceback chain finds the place where an earlier one began.

An address does not prove that place, because it is used again after a release. So a look leaves a *mark* there: a
small object in the `f_trace` slot of a finished frame, which lives exactly as long as the frame. Only a debugger uses
that slot, and only while the frame runs. A finished frame never runs again, so it gets no new traceback entry either:
an entry at the old address whose frame holds our mark is the old entry.
"""

import gc
import sys
from _weakref import ref
from types import FrameType
from typing import Optional

_CAN_TELL_FINISHED = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
"""Since 3.11 a frame is tracked by GC only once it has finished (CPython, `Python/frame.c`, `take_ownership`)."""


class Mark:
    """An object that a finished frame holds for us; `places` counts the places of the censuses that need it."""

    __slots__ = ("__weakref__", "places")

    def __init__(self) -> None:
        self.places = 0


_FOREVER = Mark()
GONE = ref(Mark())
"""A mark that no frame has."""
UNKNOWN = ref(_FOREVER)
"""Stands for the mark of a frame that cannot have one, and never dies."""


def put_mark(frame: FrameType) -> "Optional[ref[Mark]]":
    """Leave a mark in a frame; None where that is not known to have finished, or a debugger holds the slot."""
    slot: object = frame.f_trace
    mark = Mark() if slot is None else slot
    if type(mark) is not Mark or not (_CAN_TELL_FINISHED and gc.is_tracked(frame)):
        return None
    mark.places += 1
    frame.f_trace = mark  # type: ignore[assignment]  # nobody calls it
    return ref(mark)


def has_mark(frame: FrameType, mark: "ref[Mark]") -> bool:
    """Whether this very mark is in the frame."""
    slot: object = frame.f_trace
    return slot is not None and slot is mark()


def take_mark(frame: FrameType) -> None:
    """Take our mark off a frame, unless another place still needs it."""
    mark: object = frame.f_trace
    if type(mark) is Mark:
        mark.places -= 1
        if not mark.places:
            frame.f_trace = None
