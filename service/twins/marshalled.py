"""A worker that hands `(False, exception)` across threads, to be raised on the other side: a cycle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from service.context import request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant
from service.twins.endpoints import Work, calls_in_thread


class Rejected(Exception):
    """The check does not pass."""


Outcome = tuple[bool, Exception | None]
"""Whether it went well and, if not, what was raised."""

worker = ThreadPoolExecutor(1, "marshalling-worker")


def check(context_kb: int) -> None:
    """Reject, with a fresh object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real check's data would be
    raise Rejected


def check_in_worker(context_kb: int) -> Outcome:
    """Do the check in the worker's thread, and return its outcome, so that nothing is raised there."""
    try:
        check(context_kb)
    except Rejected as error:
        return False, error
    return True, None


def call(context_kb: int) -> None:
    """Do the check in the worker, and raise here what it raised there."""
    _, value = worker.submit(check_in_worker, context_kb).result()
    if value is not None:
        raise value  # leaks: this frame passes it, and keeps it as `value`


def call_and_delete(context_kb: int) -> None:
    """Do the check in the worker, raise here what it raised there, and keep no name for it."""
    _, value = worker.submit(check_in_worker, context_kb).result()
    try:
        if value is not None:
            raise value
    finally:
        del value


def check_in_worker_cleared(context_kb: int) -> Outcome:
    """Do the check in the worker's thread, and return its outcome without the frames that it passed there."""
    try:
        check(context_kb)
    except Rejected as error:
        return False, error.with_traceback(None)
    return True, None


def call_cleared(context_kb: int) -> None:
    """Do the check in the worker, raise here what it raised there without its frames, and keep no name for it."""
    _, value = worker.submit(check_in_worker_cleared, context_kb).result()
    try:
        if value is not None:
            raise value
    finally:
        del value


def caught(work: Work) -> Work:
    """Return `work` with its exception caught."""

    def catch(context_kb: int) -> None:
        try:
            work(context_kb)
        except Rejected:
            pass

    return catch


CYCLE = Expected(cyclic_objects_per_request=Range(18, 34))

TWIN = Twin(
    slug="marshalled",
    title="A worker that marshals `(False, exc)` across threads",
    origin="the second article; thread pools and event loops hand exceptions over in this way",
    leaky="kept",
    mended="cleared",
    variants=(
        Variant(
            "kept",
            calls_in_thread(caught(call)),
            CYCLE,
            "The frame that raises it on this side has a name for it, and is in its traceback.",
        ),
        Variant(
            "deleted",
            calls_in_thread(caught(call_and_delete)),
            CYCLE,
            "`finally: del value` runs as the exception leaves, and is not enough: the worker's own frame, which "
            "called the check, has the outcome in a local.",
        ),
        Variant(
            "cleared",
            calls_in_thread(caught(call_cleared)),
            FLAT,
            "What is handed over has no traceback, so it holds no frame of the worker.",
        ),
    ),
)
