"""What a probe returns when it is asked about its process: who it is, and what it has left after a collection."""

import gc
import os
import sys
from typing import Any, Dict, Optional

from .allocators import bytes_in_use, return_free_memory
from .census import is_supported
from .heap import full_census
from .memory import read_memory_by_page

OPS = ("hello", "settle")

MAX_TRACEBACKS = 200


def hello() -> Dict[str, Any]:
    """Return what this process is: its ids, its Python, the places of its packages, and whether its GC is on."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "census": is_supported(),
        "gc_enabled": gc.isenabled(),
        "path": [place for place in sys.path if type(place) is str],
        "main": _main(),
    }


def settle(*, collect: Optional[bool] = None) -> Dict[str, Any]:
    """Collect garbage, give free memory back, and return what is left, in bytes, and the live exceptions.

    Where the process has switched its collector off, garbage stays, as it does without us, unless `collect`.
    """
    collected = gc.collect() if (gc.isenabled() if collect is None else collect) else 0
    return_free_memory()
    in_use, memory = bytes_in_use(), read_memory_by_page()
    answer: Dict[str, Any] = {
        "in_use": in_use,
        "anonymous": memory.anonymous if memory else None,
        "collected": collected,
        "live_exceptions": 0,
        "tracebacks": [],
    }
    if is_supported():
        census = full_census()
        answer["live_exceptions"] = census.live
        answer["tracebacks"] = census.with_traceback[:MAX_TRACEBACKS]
    return answer


def _main() -> str:
    """Return the name of the module that was started, as far as it has one."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return str(getattr(spec, "name", "") or "")
