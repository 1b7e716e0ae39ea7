"""A worker that hands `(False, exception)` across threads, to be raised on the other side: a cycle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from service.context import request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant
from service.twins.endpoints import calls_in_thread


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


def check_in_worker_detached(context_kb: int) -> Outcome:
    """Do the check in the worker's thread, and return its outcome without the worker's frames."""
    try:
        check(context_kb)
    except Rejected as error:
        return False, error.with_traceback(None)
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


def call_and_delete_detached(context_kb: int) -> None:
    """Do the check in the worker, raise here what it raised there, with the frames of this side alone."""
    _, value = worker.submit(check_in_worker_detached, context_kb).result()
    try:
        if value is not None:
            raise value
    finally:
        del value


TWIN = Twin(
    slug="marshalled",
    title="A worker that marshals `(False, exc)` across threads",
    origin="the second article; thread pools and event loops hand exceptions over in this way",
    leaky="kept",
    fixed="detached",
    variants=(
        Variant(
            "kept",
            calls_in_thread(call, Rejected),
            Expected(cyclic_objects_per_request=Range(20, 35)),
            "The frame that raises it on this side has a name for it, and is in its traceback.",
        ),
        Variant(
            "deleted",
            calls_in_thread(call_and_delete, Rejected),
            Expected(cyclic_objects_per_request=Range(20, 35)),
            "`finally: del value` is half of the fix: through their callers the worker's frames are retained too, and "
            "the pool's own still holds the result.",
        ),
        Variant(
            "detached",
            calls_in_thread(call_and_delete_detached, Rejected),
            FLAT,
            "The worker cuts its own traceback off before it hands the exception over, and this side deletes its name.",
        ),
    ),
)
