"""`reraise(kind, value, traceback)`, an idiom of libraries for Python 2 and 3, and its caller: reference cycles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from service.context import request_context
from service.twins.catalogue import CYCLE, CYCLE_WITH_CALLERS, FLAT, Twin, Variant
from service.twins.endpoints import Work, calls


class Rejected(Exception):
    """The check failed."""


def check(context_kb: int) -> None:
    """Reject, with a new object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real check's data would be
    raise Rejected


def reraise(_: type[BaseException], value: BaseException, traceback: TracebackType) -> NoReturn:
    """Raise an exception again, with its traceback."""
    raise value.with_traceback(traceback)  # leaks: this frame is in the traceback of what its local `value` holds


def reraise_and_delete(_: type[BaseException], value: BaseException, traceback: TracebackType) -> NoReturn:
    """Raise an exception again, with its traceback, and delete the locals."""
    try:
        raise value.with_traceback(traceback)
    finally:
        del value, traceback


Reraise = Callable[[type[BaseException], BaseException, TracebackType], NoReturn]


def passes_on(again: Reraise) -> Work:
    """Return work that catches an exception and raises it again with `again`, without a local for it."""

    def pass_on(context_kb: int) -> None:
        try:
            check(context_kb)
        except Rejected:
            again(*sys.exc_info())

    return pass_on


def pass_on_and_keep(context_kb: int) -> None:
    """Catch an exception, and raise it again after the `except` clause."""
    try:
        check(context_kb)
    except Rejected:
        exc_info = sys.exc_info()
    reraise_and_delete(*exc_info)  # leaks: the local `exc_info` still holds the exception


def pass_on_and_delete(context_kb: int) -> None:
    """Catch an exception, raise it again after the `except` clause, and delete the local."""
    try:
        check(context_kb)
    except Rejected:
        exc_info = sys.exc_info()
    try:
        reraise_and_delete(*exc_info)
    finally:
        del exc_info


TWIN = Twin(
    slug="reraise",
    title="`reraise(kind, value, traceback)` that holds its arguments, and its caller",
    origin="the second article; the idiom that six made common; also in omegaconf#1295",
    leaky="kept",
    fixed="deleted",
    variants=(
        Variant(
            "kept",
            calls(passes_on(reraise), Rejected),
            CYCLE,
            "The frame of `reraise` holds the exception as an argument, and is in its traceback: a reference cycle.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "deleted",
            calls(passes_on(reraise_and_delete), Rejected),
            FLAT,
            "`finally: del value, traceback` runs as the exception leaves `reraise`, and breaks the reference cycle.",
        ),
        Variant(
            "caller-kept",
            calls(pass_on_and_keep, Rejected),
            CYCLE,
            "`reraise` deletes its arguments, but the caller's local `exc_info` still holds the exception.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "caller-deleted",
            calls(pass_on_and_delete, Rejected),
            FLAT,
            "Both `reraise` and its caller delete their locals.",
        ),
    ),
)
