"""An exception that is returned as a result, from a local of the frame that caught it: a reference cycle."""

from __future__ import annotations

from service.context import request_context
from service.twins.catalogue import CYCLE, CYCLE_WITH_CALLERS, FLAT, Twin, Variant
from service.twins.endpoints import calls


class Rejected(Exception):
    """The check failed."""


def check(context_kb: int) -> None:
    """Reject, with a new object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real check's data would be
    raise Rejected


def catch(context_kb: int) -> Exception | None:
    """Return what the check raises."""
    result = None
    try:
        check(context_kb)
    except Rejected as error:
        result = error  # leaks: Python deletes `error` after this clause, but not `result`, and so
    return result  # this frame holds the exception, whose traceback holds this frame


def catch_and_delete(context_kb: int) -> Exception | None:
    """Return what the check raises, and delete the local."""
    result = None
    try:
        check(context_kb)
    except Rejected as error:
        result = error
    try:
        return result
    finally:
        del result


TWIN = Twin(
    slug="result-in-local",
    title="`catch()` that stores `result = e` and returns it",
    origin="the second article, on exceptions that leak in Python 2 and 3; flask#5709, cpython#80111, cpython#88863",
    leaky="kept",
    fixed="deleted",
    variants=(
        Variant(
            "kept",
            calls(catch),
            CYCLE,
            "The exception holds its traceback, the traceback the frame, and the frame's local the exception: a "
            "reference cycle that only the garbage collector frees, with the context.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "deleted",
            calls(catch_and_delete),
            FLAT,
            "`finally: del result` breaks the reference cycle, so the exception is freed with its last reference.",
        ),
    ),
)
