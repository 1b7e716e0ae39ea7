"""Switch the garbage collector off for a round, so that what a round leaves behind is garbage of that round alone.

It is switched on again after half a minute also if nobody asks for it: the one who asked may have been killed.
"""

import _thread
import gc
import time

DEADLINE_S = 30.0

_sleep = time.sleep
"""As it is now: gevent replaces it later."""


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
    _Switch.until = time.monotonic() + DEADLINE_S
    if not _Switch.is_watched:
        _Switch.is_watched = True
        _thread.start_new_thread(_watch, ())


def switch_on() -> None:
    """Let the collector be as it was before `switch_off`."""
    if _Switch.is_off and _Switch.was_on:
        gc.enable()
    _Switch.is_off = False


def is_on() -> bool:
    """Whether the process has its collector on, apart from us."""
    return _Switch.was_on if _Switch.is_off else gc.isenabled()


def _watch() -> None:
    """Wait until the collector was off for too long, however often it was switched meanwhile."""
    while (left := _Switch.until - time.monotonic()) > 0:
        _sleep(left)
    _Switch.is_watched = False
    switch_on()
