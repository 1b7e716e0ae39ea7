"""Count what an exception object has pinned: traceback entries, frames, bytes.

Each `raise` of an exception object links new entries in front of those that its `__traceback__` already holds, one for
each frame that the exception passes (CPython, `Python/traceback.c`, `PyTraceBack_Here`). Each entry keeps its frame, each
frame its locals and, through `f_back`, its callers. It is one linked list that only grows, so a second look need only
walk from the front to the place where the first one began.

An address does not prove that place, because it is used again after a release. So a look leaves a *mark* there: an empty
object in the `f_trace` slot of a finished frame, which lives exactly as long as the frame. Only a debugger uses that slot,
and only while the frame runs. A finished frame never runs again, so it gets no new traceback entry either: an entry at
the old address whose frame holds our mark is the old entry. Where that cannot be shown, the whole chain is walked again.
"""

import gc
import sys
import weakref
from itertools import filterfalse
from types import FrameType, TracebackType
from typing import Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Set, Tuple

from sadpath.probe.retained import Sample, sample_front

SAMPLED_ENTRIES = 64
"""Entries that one look may size; the others are taken to be like them."""

MAX_RUNNING_FRAMES = 10_000
"""Frames still running at a look that are remembered until the next; with more, the next look walks the whole chain."""

_CAN_TELL_FINISHED = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
"""Since 3.11 the collector tracks a frame object only once the frame has finished (`Python/frame.c`, `take_ownership`)."""


class Mark:
    """An empty object that a finished frame holds for us."""

    __slots__ = ("__weakref__",)


class Place(NamedTuple):
    """Where a look began: the proof that the next look needs, and what was counted from there on. Keeps nothing alive."""

    entry_id: int
    mark: "weakref.ref[Mark]"
    entries: int
    frames: int
    running: FrozenSet[int]

    def is_at(self, entry: TracebackType) -> bool:
        """Whether `entry` is the very entry at which the look began."""
        return id(entry) == self.entry_id and entry.tb_frame.f_trace is self.mark() is not None


class Look(NamedTuple):
    """What one exception object pinned at one moment.

    `entries` and `frames` are counts, each frame once. `estimated_bytes` comes from a sample of the entries, at most
    `SAMPLED_ENTRIES` a look. `walked` is the number of entries that this look had to visit.
    """

    entries: int
    frames: int
    estimated_bytes: int
    walked: int
    sample: Sample
    place: Place


_NOWHERE = Place(0, weakref.ref(Mark()), 0, 0, frozenset())
NOTHING = Look(0, 0, 0, 0, Sample(0, 0), _NOWHERE)


class Census:
    """Follows some exception objects, by name, from look to look.

    `errors` is asked at each look for the objects, so that the census need not hold them.
    """

    def __init__(self, errors: Callable[[], Mapping[str, BaseException]]) -> None:
        self._errors = errors
        self._last: Dict[str, Look] = {}

    def looks(self) -> Dict[str, Look]:
        """Look at each of them now."""
        now = {name: look_at(error, self._last.get(name, NOTHING)) for name, error in self._errors().items()}
        self._last = now
        return now


def look_at(exception: BaseException, last: Look = NOTHING) -> Look:
    """Count what `exception` pins now. With `last`, an earlier look at it, only what is new since then is walked.

    Follows `tb_next`, `tb_frame` and `f_back`, not `__context__` or `__cause__`, and never `f_locals`. A frame that
    still runs is counted with the callers that it has now. Before Python 3.11, where a finished frame cannot be told
    from a running one, each look walks the whole chain.
    """
    front = exception.__traceback__
    if front is None:
        return NOTHING
    walked, reached = _walk(front, last.place)
    if reached is None:
        last = NOTHING
    frames = _with_callers(walked)
    running = last.place.running.union(map(id, filterfalse(gc.is_tracked, frames)))
    entry_count = last.place.entries + len(walked)
    frame_count = last.place.frames + sum(id(frame) not in last.place.running for frame in frames)
    place = _NOWHERE
    if _CAN_TELL_FINISHED and len(running) <= MAX_RUNNING_FRAMES:
        here = Place(0, _NOWHERE.mark, entry_count, frame_count, running)
        place = _mark_newest_finished(front, len(walked), here, reached) or last.place
    new = len(walked)
    del walked, frames, reached
    sample = last.sample
    if new:
        newest = sample_front(front, min(new, SAMPLED_ENTRIES))
        sample = Sample(sample.entries + newest.entries, sample.bytes + newest.bytes)
    estimate = entry_count * sample.bytes // sample.entries
    return Look(entry_count, frame_count, estimate, new, sample, place)


def _walk(front: TracebackType, place: Place) -> Tuple[List[FrameType], Optional[TracebackType]]:
    """Walk from `front` to the entry at `place`: the frames of the entries before it, and that entry if it is there."""
    frames = []
    entry: Optional[TracebackType] = front
    old = place.entry_id
    while entry is not None:
        if id(entry) == old and place.is_at(entry):
            return frames, entry
        frames.append(entry.tb_frame)
        entry = entry.tb_next
    return frames, None


def _with_callers(frames: List[FrameType]) -> Set[FrameType]:
    """Add to `frames` all that they keep through `f_back`, each once."""
    found = set(frames)
    edge = found
    while edge:
        edge = {frame.f_back for frame in edge if frame.f_back is not None} - found
        found = found | edge
    return found


def _mark_newest_finished(front: TracebackType, new: int, here: Place, old: Optional[TracebackType]) -> Optional[Place]:
    """Move our mark from the entry `old` to the newest of `new` entries whose frame has finished.

    The entries in front of it belong to running frames, and will be walked again. Returns None where no frame of the
    new entries has finished, and no usable place where a debugger holds the slot.
    """
    entry: Optional[TracebackType] = front
    for ahead in range(new):
        assert entry is not None
        frame = entry.tb_frame
        if gc.is_tracked(frame):
            break
        entry = entry.tb_next
    else:
        return None
    if old is not None:
        old.tb_frame.f_trace = None
    if frame.f_trace is not None:
        return _NOWHERE
    mark = Mark()
    frame.f_trace = mark
    return here._replace(entry_id=id(entry), mark=weakref.ref(mark), entries=here.entries - ahead)
