"""What a probe returns when it is asked about its process: who it is, and what it has left after a collection.

The garbage collector is off while a round is measured, so that what the round leaves behind is garbage of that round
alone. It is switched on again after half a minute also if nobody asks for it: the one who asked may have been killed.
"""

import gc
import os
import sys
import time
from typing import Optional, Tuple

from .agent import sleep, start_thread
from .census import is_supported
from .frozen import frozen_exceptions
from .heap import OLDEST_GENERATION, full_census
from .memory import bytes_in_use, what_is_left
from .objects import LONGEST_FILE, elements_of, items_of, text
from .wire import HelloAnswer, SettleAnswer

OPS = ("hello", "settle")

PACKAGES = ("starlette", "fastapi", "flask", "django", "uvicorn", "gunicorn", "hypercorn", "granian", "waitress")

MAX_TRACEBACKS = 200

OFF_AT_MOST_S = 30.0
WATCHED_EACH_S, LONGEST_WATCH_S = 0.005, 1.0


def hello() -> HelloAnswer:
    """Op: return what this process is: its ids, its Python, the places of its packages, and whether its GC is on."""
    imported = {text(name) for name, _ in items_of(sys.modules)}
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "census": is_supported(),
        "gc_enabled": collector_is_on(),
        "collections": collections_of_its_own(),
        "path": [text(place, LONGEST_FILE) for place in elements_of(sys.path) if issubclass(type(place), str)],
        "packages": [name for name in PACKAGES if name in imported],
    }


def settle(*, begins_round: bool = False, watched_s: float = 0.0) -> SettleAnswer:
    """Op: collect garbage, give free memory back, and return what is left, in bytes, and the live exceptions.

    Where a round begins the collector is off until the next look, which then counts the garbage of the round alone.
    What is in use is the least within `watched_s` seconds: other threads take memory and give it back all the time.
    """
    collected, garbage = (0, 0) if collector_is_on() else collect_young()
    collected += collect()
    switch_on()
    memory = what_is_left()
    in_use = _least(memory.in_use, min(watched_s, LONGEST_WATCH_S))
    if begins_round:
        switch_off()
    census = full_census(frozen_exceptions()) if is_supported() else None
    return {
        "in_use": in_use,
        "anonymous": memory.anonymous,
        "collected": collected,
        "garbage": garbage,
        "live_exceptions": census.live if census else None,
        "tracebacks": census.with_traceback[:MAX_TRACEBACKS] if census else None,
    }


def _least(in_use: Optional[int], watched_s: float) -> Optional[int]:
    """Return the least memory in use within some seconds, from what there is now."""
    until = time.monotonic() + watched_s
    while in_use is not None and time.monotonic() < until:
        sleep(WATCHED_EACH_S)
        in_use = min(in_use, bytes_in_use() or in_use)
    return in_use


class _Switch:
    """Whether we have switched it off, until when it may stay so, and how it was."""

    is_off = False
    was_on = False
    until = 0.0
    is_watched = False


class _Ours:
    """How many collections were ours."""

    collections = 0


def collect(generation: int = OLDEST_GENERATION) -> int:
    """Collect all garbage, and return how many objects that were."""
    _Ours.collections += 1
    return gc.collect(generation)


def collect_young() -> Tuple[int, Optional[int]]:
    """Collect what is garbage of the objects made since the last collection; return their number and their bytes.

    A full collection frees Python's own lists of free objects too, some 20 KB, which would count as garbage.
    """
    before = bytes_in_use()
    collected = collect(0)
    after = bytes_in_use()
    return collected, None if before is None or after is None else before - after


def collections_of_its_own() -> int:
    """Return how often garbage was collected, of any generation and by whomever, without our own collections."""
    return sum(int(one["collections"]) for one in gc.get_stats()) - _Ours.collections


def switch_off() -> None:
    """Switch the collector off, until `switch_on`. One that the process has switched off itself stays off."""
    if not _Switch.is_off:
        _Switch.was_on = gc.isenabled()
    gc.disable()
    _Switch.is_off = True
    _Switch.until = time.monotonic() + OFF_AT_MOST_S
    if not _Switch.is_watched:
        _Switch.is_watched = True
        start_thread(_watch, ())


def switch_on() -> None:
    """Let the collector be as it was before `switch_off`."""
    if _Switch.is_off and _Switch.was_on:
        gc.enable()
    _Switch.is_off = False


def collector_is_on() -> bool:
    """Whether the process has its collector on, apart from us. With a threshold of 0 it never begins by itself."""
    is_enabled = gc.isenabled() or (_Switch.is_off and _Switch.was_on)
    return is_enabled and gc.get_threshold()[0] > 0


def _watch() -> None:
    """Wait until the collector is on again or was off for too long, however often it was switched meanwhile."""
    while _Switch.is_off and (left := _Switch.until - time.monotonic()) > 0:
        sleep(min(left, 1.0))
    _Switch.is_watched = False
    switch_on()
