"""Count what an exception object has retained: traceback entries, frames, bytes.

Each `raise` of an exception object links new entries in front of those that its `__traceback__` already holds, one for
each frame that the exception passes (CPython, `Python/traceback.c`, `PyTraceBack_Here`). Each entry keeps its frame,
each frame its locals and, through `f_back`, its callers. It is one linked list that only grows, so a second look need
only walk from the front to the place where the first one began.

An address does not prove that place, because it is used again after a release. So a look leaves a *mark* there: a small
object in the `f_trace` slot of a finished frame, which lives exactly as long as the frame. Only a debugger uses that
slot, and only while the frame runs. A finished frame never runs again, so it gets no new traceback entry either: an
entry at the old address whose frame holds our mark is the old entry. A second mark, at the oldest entry, dies with it
if somebody cuts the chain behind the place, by assigning an entry's `tb_next`. Where a mark is gone, or a debugger
holds its slot, the whole chain is walked again.

Entries are always counted, one by one. Their frames are followed for the newest `MAX_FOLLOWED` of a look, since that
takes three times as long; those of the others are taken to be like them.

Nothing here imports `threading`: what is imported before gevent patches it stays unpatched.
"""

import _thread
import gc
import os
import sys
from _weakref import ref
from types import FrameType, TracebackType
from typing import Callable, Dict, FrozenSet, Iterator, Mapping, NamedTuple, Optional, Set, Tuple

from .objects import CAN_SUSPEND, traceback_of
from .retained import SizedEntries, size_front

SAMPLED_ENTRIES = 64
"""Entries that one look may size; the others are taken to be like them."""

MAX_RUNNING_FRAMES = 10_000
"""Frames still running at a look that are remembered until the next; with more, the next look walks the whole chain."""

MAX_FOLLOWED = 2_048
"""Entries whose frames one look follows. Of more new ones the newest are followed, and the frames are an estimate."""


_CAN_TELL_FINISHED = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
"""Since 3.11 a frame is tracked by GC only once it has finished (CPython, `Python/frame.c`, `take_ownership`)."""


class Mark:
    """An object that a finished frame holds for us; `places` counts the places of the censuses that need it."""

    __slots__ = ("__weakref__", "places")

    def __init__(self) -> None:
        self.places = 0


_FOREVER = Mark()
_GONE = ref(Mark())
"""A mark that no frame has."""
_UNKNOWN = ref(_FOREVER)
"""Stands for the mark of a frame that cannot have one, and never dies."""


class Place(NamedTuple):
    """Where a look began: its proof, and what was counted from there. Keeps nothing alive.

    `running` has the ids of frames that were counted while they ran, so that what they raise next does not count them
    again. `estimated` is whether `frames` may be wrong. `end` is the mark at the oldest entry.
    """

    entry_id: int
    mark: "ref[Mark]"
    entries: int
    frames: int
    running: FrozenSet[int]
    estimated: bool
    end: "ref[Mark]"

    def is_at(self, entry: TracebackType) -> bool:
        """Whether `entry` is the very entry at which the look began, and the chain still has its end."""
        return id(entry) == self.entry_id and _has_mark(entry.tb_frame, self.mark) and self.end() is not None


class Look(NamedTuple):
    """What one exception object retained at one moment.

    `entries` and `frames` are counts, each frame once; `frames_are_estimated` where this or an earlier look could not
    follow them all, or saw a coroutine that had not finished, whose callers change. `estimated_bytes` comes from
    a sample of the entries, at most `SAMPLED_ENTRIES` a look. `walked` is the number of entries that this look visited.
    """

    entries: int
    frames: int
    estimated_bytes: int
    walked: int
    sample: SizedEntries
    place: Place
    frames_are_estimated: bool


_NOWHERE = Place(0, _GONE, 0, 0, frozenset(), estimated=False, end=_UNKNOWN)
NOTHING = Look(0, 0, 0, 0, SizedEntries(0, 0), _NOWHERE, frames_are_estimated=False)


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
    front = traceback_of(exception)
    if front is None:
        return NOTHING
    counted = _count(front, last.place)
    sample = _sample(front, counted.new, last.sample if counted.goes_on else NOTHING.sample)
    size = counted.entries * sample.bytes // sample.entries
    return Look(counted.entries, counted.frames, size, counted.new, sample, counted.place, counted.estimated)


def _sample(front: TracebackType, new: int, earlier: SizedEntries) -> SizedEntries:
    """Add a sample of the `new` entries to an earlier one."""
    if not new:
        return earlier
    newest = size_front(front, min(new, SAMPLED_ENTRIES))
    entries, size = earlier.entries + newest.entries, earlier.bytes + newest.bytes
    return SizedEntries(entries, size, is_cut=earlier.is_cut or newest.is_cut)


class _Count(NamedTuple):
    """What a look counted: numbers only, since a sample counts references. `goes_on` if it came to the last place."""

    goes_on: bool
    new: int
    entries: int
    frames: int
    estimated: bool
    place: Place


def _count(front: TracebackType, before: Place) -> _Count:
    """Count entries and frames from `front`: what is new, and what was counted from the place `before`, if it is there.

    The chain is settled from its newest finished frame on: only that part stays as it is, so only that part is counted
    at the next place. The entries of running frames in front of it will be walked again.
    """
    new, reached, oldest = _walk(front, before)
    if reached is None:
        before = _NOWHERE._replace(end=_put_mark(oldest.tb_frame) or _UNKNOWN)
    ahead, settled = _newest_finished(front, new)
    followed: Set[FrameType] = set()
    here = before
    if settled is not None:
        _follow(settled, new - ahead, followed)
        here = _settle(before, new - ahead, followed)
    seen = _unseen(followed, before)
    _follow(front, ahead, followed)
    frames = here.frames + _unseen(followed, before) - seen
    estimated = here.estimated or ahead > MAX_FOLLOWED
    place = here if settled is None else _move_mark(reached, settled, here)
    return _Count(reached is not None, new, before.entries + new, frames, estimated, place)


def _walk(front: TracebackType, place: Place) -> Tuple[int, Optional[TracebackType], TracebackType]:
    """Count entries from `front` to `place`; return the entry at the place, None if it is not there, and the last one.

    The loop whose speed matters: it runs once for each entry ever linked. A chain of C iterators is no faster.
    """
    old, new, last = place.entry_id, 0, front
    entry: Optional[TracebackType] = front
    while entry is not None and (id(entry) != old or not place.is_at(entry)):
        last = entry
        entry = entry.tb_next
        new += 1
    return new, entry, last


def _newest_finished(front: TracebackType, new: int) -> Tuple[int, Optional[TracebackType]]:
    """Return the newest of `new` entries whose frame has finished, if any, and how many are in front of it."""
    for ahead, entry in enumerate(_entries(front, new)):
        if gc.is_tracked(entry.tb_frame):
            return ahead, entry
    return new, None


def _entries(front: TracebackType, number: int) -> Iterator[TracebackType]:
    entry: Optional[TracebackType] = front
    while entry is not None and number:
        yield entry
        entry, number = entry.tb_next, number - 1


def _follow(front: TracebackType, number: int, followed: Set[FrameType]) -> None:
    """Add to `followed` the frames that `number` entries keep, or the newest `MAX_FOLLOWED` of them.

    The entries of one raise come as the stack was, callers first. So a frame's caller is mostly the frame before it,
    and then it needs no look-up.
    """
    previous: Optional[FrameType] = None
    for entry in _entries(front, min(number, MAX_FOLLOWED)):
        frame = entry.tb_frame
        if frame is not previous:
            followed.add(frame)
            caller = frame.f_back
            if caller is not previous:
                while caller is not None and caller not in followed:
                    followed.add(caller)
                    caller = caller.f_back
            previous = frame


def _settle(before: Place, new: int, followed: Set[FrameType]) -> Place:
    """Add to `before` the `new` settled entries, and their frames, which are `followed` and others like them."""
    running = [frame for frame in followed if not gc.is_tracked(frame)]
    unfollowed = max(new - MAX_FOLLOWED, 0)
    alike = (len(followed) - len(running)) * unfollowed // (new - unfollowed)
    changing = any(frame.f_code.co_flags & CAN_SUSPEND for frame in running)
    return before._replace(
        entries=before.entries + new,
        frames=before.frames + _unseen(followed, before) + alike,
        running=before.running.union(map(id, running)),
        estimated=before.estimated or unfollowed > 0 or changing,
    )


def _unseen(followed: Set[FrameType], before: Place) -> int:
    """Count those of `followed` that were not counted at the place `before`."""
    return len(followed) - len(before.running.intersection(map(id, followed)))


def _move_mark(old: Optional[TracebackType], new: TracebackType, place: Place) -> Place:
    """Move our mark from the entry `old` to `new`, and return `place` as being there; without a mark, `_NOWHERE`."""
    if old is not None:
        _take_mark(old.tb_frame)
    mark = _put_mark(new.tb_frame) if len(place.running) <= MAX_RUNNING_FRAMES else None
    return place._replace(entry_id=id(new), mark=mark) if mark else _NOWHERE


def _put_mark(frame: FrameType) -> "Optional[ref[Mark]]":
    """Leave a mark in a frame; None where that is not known to have finished, or a debugger holds the slot."""
    slot: object = frame.f_trace
    mark = Mark() if slot is None else slot
    if type(mark) is not Mark or not (_CAN_TELL_FINISHED and gc.is_tracked(frame)):
        return None
    mark.places += 1
    frame.f_trace = mark  # type: ignore[assignment]  # nobody calls it
    return ref(mark)


def _has_mark(frame: FrameType, mark: "ref[Mark]") -> bool:
    """Whether this very mark is in the frame."""
    slot: object = frame.f_trace
    return slot is not None and slot is mark()


def _take_mark(frame: FrameType) -> None:
    """Take our mark off a frame, unless another place still needs it."""
    mark: object = frame.f_trace
    if type(mark) is Mark:
        mark.places -= 1
        if not mark.places:
            frame.f_trace = None
