"""`reraise(kind, value, traceback)`, as libraries wrote it that ran on Python 2 and 3, and its caller: cycles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from service.context import request_context
from service.twins.catalogue import CYCLE, CYCLE_WITH_CALLERS, FLAT, Twin, Variant
from service.twins.endpoints import Work, calls


class Rejected(Exception):
    """The check does not pass."""


def check(context_kb: int) -> None:
    """Reject, with a fresh object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real check's data would be
    raise Rejected


def reraise(_: type[BaseException], value: BaseException, traceback: TracebackType) -> NoReturn:
    """Raise an exception again, with the traceback that it had."""
    raise value.with_traceback(traceback)  # leaks: this frame passes it, and keeps it as `value`


def reraise_and_delete(_: type[BaseException], value: BaseException, traceback: TracebackType) -> NoReturn:
    """Raise an exception again, with the traceback that it had, and keep no name for it."""
    try:
        raise value.with_traceback(traceback)
    finally:
        del value, traceback


Reraise = Callable[[type[BaseException], BaseException, TracebackType], NoReturn]


def passes_on(again: Reraise) -> Work:
    """Return work that catches an exception and raises it on with `again`, keeping no name for it."""

    def pass_on(context_kb: int) -> None:
        try:
            check(context_kb)
        except Rejected:
            again(*sys.exc_info())

    return pass_on


def pass_on_and_keep(context_kb: int) -> None:
    """Catch an exception and raise it on later."""
    try:
        check(context_kb)
    except Rejected:
        exc_info = sys.exc_info()
    reraise_and_delete(*exc_info)  # leaks: this frame keeps its own argument


def pass_on_and_delete(context_kb: int) -> None:
    """Catch an exception and raise it on later, and keep no name for it."""
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
    title="`reraise(kind, value, traceback)` that keeps its arguments, and its caller",
    origin="the second article; the idiom that six made common; omegaconf#1295 raised likewise",
    leaky="kept",
    fixed="deleted",
    variants=(
        Variant(
            "kept",
            calls(passes_on(reraise), Rejected),
            CYCLE,
            "The function that raises again is in the traceback of what it holds as an argument.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "deleted",
            calls(passes_on(reraise_and_delete), Rejected),
            FLAT,
            "`finally: del value, traceback` runs as the exception leaves, and breaks the circle.",
        ),
        Variant(
            "caller-kept",
            calls(pass_on_and_keep, Rejected),
            CYCLE,
            "A callee that deletes its arguments does not help a caller that keeps its own `exc_info`.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "caller-deleted",
            calls(pass_on_and_delete, Rejected),
            FLAT,
            "Both delete what they hold.",
        ),
    ),
)
