"""Count what an exception object has retained: traceback entries, frames, bytes.

Each `raise` of an exception object links new entries in front of those that its `__traceback__` already holds, one for
each frame that the exception passes (CPython, `Python/traceback.c`, `PyTraceBack_Here`). Each entry keeps its frame,
each frame its locals and, through `f_back`, its callers. It is one linked list that only grows, so a second look need
only walk from the front to the place where the first one began.

An address does not prove that place, because it is used again after a release. So a look leaves a *mark* there: a
small object in the `f_trace` slot of a finished frame, which lives exactly as long as the frame. Only a debugger uses
that slot, and only while the frame runs. A finished frame never runs again, so it gets no new traceback entry either:
an entry at the old address whose frame holds our mark is the old entry. Where that cannot be shown, the whole chain is
walked again, up to `MAX_WALKED` entries; of a longer one the frames are an estimate. A chain that somebody cuts behind
that place, by assigning an entry's `tb_next`, is noticed at the next whole walk.

Nothing here imports `threading`: what is imported before gevent patches it stays unpatched.
"""

import _thread
import gc
import os
import sys
import weakref
from collections import deque
from contextlib import suppress
from itertools import accumulate, chain, count, filterfalse, repeat
from types import FrameType, TracebackType
from typing import Callable, Dict, FrozenSet, Iterator, Mapping, NamedTuple, Optional, Set

from sadpath.probe.retained import Sample, sample_front

SAMPLED_ENTRIES = 64
"""Entries that one look may size; the others are taken to be like them."""

MAX_RUNNING_FRAMES = 10_000
"""Frames still running at a look that are remembered until the next; with more, the next look walks the whole chain."""

MAX_WALKED = 200_000
"""Entries whose frames one look follows, about 50 ms. Those beyond are counted, and their frames estimated."""

_CAN_TELL_FINISHED = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
"""Since 3.11 a frame is tracked by GC only once it has finished (CPython, `Python/frame.c`, `take_ownership`)."""


class Mark:
    """An object that a finished frame holds for us; `places` counts the censuses whose last look began there."""

    __slots__ = ("__weakref__", "places")

    def __init__(self) -> None:
        self.places = 0


class Place(NamedTuple):
    """Where a look began: the proof that the next one needs, and what was counted from there. Keeps nothing alive."""

    entry_id: int
    mark: "weakref.ref[Mark]"
    entries: int
    frames: int
    running: FrozenSet[int]
    estimated: bool = False

    def is_at(self, entry: TracebackType) -> bool:
        """Whether `entry` is the very entry at which the look began."""
        slot: object = entry.tb_frame.f_trace
        return id(entry) == self.entry_id and slot is not None and slot is self.mark()


class Look(NamedTuple):
    """What one exception object retained at one moment.

    `entries` and `frames` are counts, each frame once; `frames_are_estimated` where a look had more than `MAX_WALKED`
    entries to follow. `estimated_bytes` comes from a sample of the entries, at most `SAMPLED_ENTRIES` a look. `walked`
    is the number of entries that this look had to follow.
    """

    entries: int
    frames: int
    estimated_bytes: int
    walked: int
    sample: Sample
    place: Place
    frames_are_estimated: bool = False


_NOWHERE = Place(0, weakref.ref(Mark()), 0, 0, frozenset())
NOTHING = Look(0, 0, 0, 0, Sample(0, 0), _NOWHERE)


_forks = 0
"""How often this process is the child of a fork, since the module was imported."""


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - a fork is a fact about the process
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


def is_supported() -> bool:
    """Whether a census is safe here: not where threads run without the GIL.

    There, another thread's running frame may go while its `f_back` is read (python/cpython#118680).
    """
    gil_is_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return gil_is_enabled()


class Census:
    """Follows some exception objects, by name, from look to look.

    `errors` is asked at each look for the objects, so that the census need not hold them.
    """

    def __init__(self, errors: Callable[[], Mapping[str, BaseException]]) -> None:
        self._errors = errors
        self._last: Dict[str, Look] = {}
        self._lock = _thread.allocate_lock()
        self._forks = _forks

    def looks(self) -> Dict[str, Look]:
        """Look at each of them now; an empty dict where `is_supported` is false.

        Never waits: while another thread looks, or the thread that a signal handler interrupted, this returns what the
        last look found.
        """
        if self._forks != _forks:  # the thread that held the lock may have stayed behind in the parent
            self._lock, self._forks = _thread.allocate_lock(), _forks
        if not is_supported() or not self._lock.acquire(blocking=False):
            return self._last
        try:
            errors = self._errors().items()
            self._last = {name: look_at(error, self._last.get(name, NOTHING)) for name, error in errors}
            return self._last
        finally:
            self._lock.release()


def look_at(exception: BaseException, last: Look = NOTHING) -> Look:
    """Count what `exception` retains now. With `last`, an earlier look at it, only what is new since then is walked.

    Follows `tb_next`, `tb_frame` and `f_back`, not `__context__` or `__cause__`, and never `f_locals`. A frame that
    still runs is counted with the callers that it has now. Before Python 3.11, where a finished frame looks like
    a running one, each look walks the whole chain.
    """
    front = _traceback_of(exception)
    if front is None:
        return NOTHING
    new, frames, reached, is_cut = _walk(front, last.place)
    if reached is None:
        last = NOTHING
    before = last.place
    entries = _length(front) if is_cut else before.entries + new
    frame_count = before.frames + len(frames) - len(before.running.intersection(map(id, frames)))
    if is_cut:
        frame_count = frame_count * entries // new
    running = before.running.union(map(id, filterfalse(gc.is_tracked, frames)))
    del frames  # a sample counts references, and these would be among them
    estimated = is_cut or before.estimated
    place = _NOWHERE
    if _CAN_TELL_FINISHED and len(running) <= MAX_RUNNING_FRAMES:
        here = Place(0, _NOWHERE.mark, entries, frame_count, running, estimated)
        place = _mark_newest_finished(front, new, here, reached) or before
    del reached
    sample = _sample(front, new, last.sample)
    return Look(entries, frame_count, entries * sample.bytes // sample.entries, new, sample, place, estimated)


_traceback_slot = BaseException.__dict__["__traceback__"]


def _traceback_of(exception: BaseException) -> Optional[TracebackType]:
    """Return its traceback from Python's own slot: a class may have a property of that name, which would be called."""
    front: Optional[TracebackType] = _traceback_slot.__get__(exception)
    return front


def _length(front: TracebackType) -> int:
    """Count the entries of a chain, in C: about five times as fast as a loop."""
    number = count()
    to_the_end = accumulate(chain((front,), repeat("tb_next")), getattr)  # type: ignore[arg-type]
    with suppress(AttributeError):  # None, after the last entry, has no next
        deque(zip(to_the_end, number), maxlen=0)
    return next(number) - 1


def _sample(front: TracebackType, new: int, earlier: Sample) -> Sample:
    """Add a sample of the `new` entries to an earlier one."""
    if not new:
        return earlier
    newest = sample_front(front, min(new, SAMPLED_ENTRIES))
    entries, found = earlier.entries + newest.entries, earlier.bytes + newest.bytes
    return Sample(entries, found, is_cut=earlier.is_cut or newest.is_cut)


class _Walk(NamedTuple):
    """Entries from the front to the place, the frames that these keep, and the entry at the place if it is there.

    `is_cut` if there are more than `MAX_WALKED` entries; then these are the newest, and the place was not reached.
    """

    entries: int
    frames: Set[FrameType]
    reached: Optional[TracebackType]
    is_cut: bool


def _walk(front: TracebackType, place: Place) -> _Walk:
    """Walk from `front` to `place`. The one loop whose speed matters: it is run once for each entry ever linked.

    The entries of one raise come as the stack was, callers first. So a frame's caller is mostly the frame before it,
    and then it needs no look-up.
    """
    found: Set[FrameType] = set()
    old = place.entry_id
    entry: Optional[TracebackType] = front
    previous: Optional[FrameType] = None
    walked = 0
    while entry is not None:
        if id(entry) == old and place.is_at(entry):
            break
        if walked == MAX_WALKED:
            return _Walk(walked, found, None, is_cut=True)
        walked += 1
        frame = entry.tb_frame
        if frame is not previous:
            found.add(frame)
            caller = frame.f_back
            if caller is not previous:
                while caller is not None and caller not in found:
                    found.add(caller)
                    caller = caller.f_back
            previous = frame
        entry = entry.tb_next
    return _Walk(walked, found, entry, is_cut=False)


def _mark_newest_finished(front: TracebackType, new: int, here: Place, old: Optional[TracebackType]) -> Optional[Place]:
    """Move our mark from the entry `old` to the newest of `new` entries whose frame has finished.

    The entries in front of it are those of running frames, and will be walked again. Returns None where no frame of the
    new entries has finished, and no usable place where a debugger holds the slot.
    """
    numbered = enumerate(_entries(front, new))
    newest = next(((ahead, entry) for ahead, entry in numbered if gc.is_tracked(entry.tb_frame)), None)
    if newest is None:
        return None
    ahead, entry = newest
    if old is not None:
        _leave(old.tb_frame)
    slot: object = entry.tb_frame.f_trace
    if slot is not None and not isinstance(slot, Mark):
        return _NOWHERE
    mark = slot or Mark()
    mark.places += 1
    entry.tb_frame.f_trace = mark  # type: ignore[assignment]  # nobody calls it
    return here._replace(entry_id=id(entry), mark=weakref.ref(mark), entries=here.entries - ahead)


def _leave(frame: FrameType) -> None:
    """Take our mark off a frame, unless another census still needs it."""
    mark: object = frame.f_trace
    if isinstance(mark, Mark):
        mark.places -= 1
        if not mark.places:
            frame.f_trace = None


def _entries(front: TracebackType, count: int) -> Iterator[TracebackType]:
    entry: Optional[TracebackType] = front
    while entry is not None and count:
        yield entry
        entry, count = entry.tb_next, count - 1
