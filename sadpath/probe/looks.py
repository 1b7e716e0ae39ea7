"""What a probe returns when it is asked about its process: who it is, and what it has left after a collection."""

import gc
import os
import sys

from .allocators import bytes_in_use, return_free_memory
from .census import is_supported
from .gc_switch import is_on, switch_off, switch_on
from .heap import full_census
from .memory import read_memory_by_page
from .wire import HelloAnswer, SettleAnswer

OPS = ("hello", "settle")

PACKAGES = ("starlette", "fastapi", "flask", "django", "uvicorn", "gunicorn", "hypercorn", "granian", "waitress")

MAX_TRACEBACKS = 200


def hello() -> HelloAnswer:
    """Return what this process is: its ids, its Python, the places of its packages, and whether its GC is on."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "census": is_supported(),
        "gc_enabled": is_on(),
        "path": [place for place in sys.path if type(place) is str],
        "packages": [name for name in PACKAGES if name in sys.modules],
    }


def settle(*, begins_round: bool = False) -> SettleAnswer:
    """Collect garbage, give free memory back, and return what is left, in bytes, and the live exceptions.

    Where a round begins the collector is off until the next look, which then counts the garbage of the round alone.
    Where the process has switched its collector off, garbage stays, as it does without us.
    """
    collected = gc.collect() if is_on() else 0
    switch_on()
    return_free_memory()
    in_use, memory = bytes_in_use(), read_memory_by_page()
    answer: SettleAnswer = {
        "in_use": in_use,
        "anonymous": memory.anonymous if memory else None,
        "collected": collected,
        "live_exceptions": 0,
        "tracebacks": [],
    }
    if begins_round:
        switch_off()
    if is_supported():
        census = full_census()
        answer["live_exceptions"] = census.live
        answer["tracebacks"] = census.with_traceback[:MAX_TRACEBACKS]
    return answer
