"""A heap that is frozen after the application was loaded, as gunicorn's preloaded one: for `tests.probe.test_frozen`.

Runs on Python 3.9.
"""

import gc
import weakref
from collections import deque
from typing import Any, Dict, List, Optional

from sadpath.probe import frozen, growth
from sadpath.probe.explain import explain
from sadpath.probe.looks import settle
from sadpath.probe.routes import routes
from tests.probe.answering import Starlette
from tests.probe.raising import raise_many


class Refused(Exception):  # noqa: N818
    """What is raised again and again."""


class Errors:
    """Holds an exception in an instance of a class."""

    def __init__(self) -> None:
        self.by_code = {403: Refused("by code")}


REFUSED = Refused("refused")
ERRORS = Errors()
KEPT: "deque[Refused]" = deque()
SEEN: Dict[int, List[int]] = {}
APP = Starlette()
short_lived: List[Refused] = [Refused("short-lived")]


def entries() -> Dict[str, int]:
    """Return the traceback entries that a census finds, by the message of the exception."""
    found = {key: count for key, name, count in settle()["tracebacks"] or () if name == f"{__name__}.Refused"}
    return {one["message"]: found[one["id"]] for one in explain(list(found))}


def reused() -> List[Any]:
    """Return what a census finds of exceptions that are frozen as they are raised, and their names."""
    gc.freeze()
    counts = []
    for _ in range(3):
        raise_many(REFUSED, 2)
        raise_many(ERRORS.by_code[403], 1)
        counts.append(entries())
    names = {one["message"]: one["held_by"][0] for one in explain([id(REFUSED), id(ERRORS.by_code[403])])}
    return [counts, names]


def each_once() -> List[int]:
    """Return how often a census finds an exception while it is frozen, and afterwards."""
    raise_many(REFUSED, 1)
    gc.freeze()
    counts = [sum(key == id(REFUSED) for key, _, _ in settle()["tracebacks"] or ())]
    gc.unfreeze()
    return [*counts, sum(key == id(REFUSED) for key, _, _ in settle()["tracebacks"] or ())]


def grown() -> Dict[str, Optional[str]]:
    """Return the names of containers that are frozen and grow."""
    gc.freeze()
    growth.begin()
    KEPT.extend(Refused("kept") for _ in range(100))
    SEEN.update((number, [number]) for number in range(200))
    try:
        return {"kept": growth.kept(limit=1)[0]["held_by"], "grown": growth.grown(limit=1)[0]["held_by"]}
    finally:
        growth.end()


def paths() -> List[str]:
    """Return the routes of an application that is frozen."""
    gc.freeze()
    return [one["path"] for one in routes()["routes"]]


def is_kept_alive() -> bool:
    """Return whether an exception that was frozen is alive once nothing else holds it."""
    gc.freeze()
    gone = weakref.ref(short_lived[0])
    assert gone() in frozen.frozen_exceptions()
    short_lived.clear()
    assert not [one for one in frozen.frozen_exceptions() if "short-lived" in one.args]
    return gone() is not None


def looks_through_the_heap() -> int:
    """Return how often the heap is looked through in ten looks, with one more freeze half-way."""
    walks: List[int] = []
    original = vars(frozen)["levels"]

    def counted() -> Any:
        walks.append(1)
        return original()

    vars(frozen)["levels"] = counted
    gc.freeze()
    for number in range(10):
        if number == 5:
            SEEN[-1] = [number]
            gc.freeze()
        frozen.frozen_exceptions()
    vars(frozen)["levels"] = original
    return len(walks)
