"""What a probe returns when it is asked about its process: who it is, and what it has left after a collection.

The garbage collector is off while a round is measured, so that what the round leaves behind is garbage of that round
alone. It is switched on again after half a minute also if nobody asks for it: the one who asked may have been killed.
"""

import gc
import os
import sys
import time

from .agent import sleep, start_thread
from .census import is_supported
from .frozen import frozen_exceptions
from .heap import full_census
from .memory import what_is_left
from .objects import LONGEST_FILE, elements_of, items_of, text
from .wire import HelloAnswer, SettleAnswer

OPS = ("hello", "settle")

PACKAGES = ("starlette", "fastapi", "flask", "django", "uvicorn", "gunicorn", "hypercorn", "granian", "waitress")

MAX_TRACEBACKS = 200

OFF_AT_MOST_S = 30.0


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
        "path": [text(place, LONGEST_FILE) for place in elements_of(sys.path) if issubclass(type(place), str)],
        "packages": [name for name in PACKAGES if name in imported],
    }


def settle(*, begins_round: bool = False) -> SettleAnswer:
    """Op: collect garbage, give free memory back, and return what is left, in bytes, and the live exceptions.

    Where a round begins the collector is off until the next look, which then counts the garbage of the round alone.
    Where the process has switched its collector off, garbage stays, as it does without us.
    """
    collected = gc.collect() if collector_is_on() else 0
    switch_on()
    memory = what_is_left()
    if begins_round:
        switch_off()
    census = full_census(frozen_exceptions()) if is_supported() else None
    return {
        "in_use": memory.in_use,
        "anonymous": memory.anonymous,
        "collected": collected,
        "live_exceptions": census.live if census else None,
        "tracebacks": census.with_traceback[:MAX_TRACEBACKS] if census else None,
    }


class _Switch:
    """Whether we have switched it off, until when it may stay so, and how it was."""

    is_off = False
    was_on = False
    until = 0.0
    is_watched = False


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
    """Whether the process has its collector on, apart from us."""
    return _Switch.was_on if _Switch.is_off else gc.isenabled()


def _watch() -> None:
    """Wait until the collector is on again or was off for too long, however often it was switched meanwhile."""
    while _Switch.is_off and (left := _Switch.until - time.monotonic()) > 0:
        sleep(min(left, 1.0))
    _Switch.is_watched = False
    switch_on()
