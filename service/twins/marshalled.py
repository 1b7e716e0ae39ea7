"""A worker that returns `(False, exception)` to another thread, which raises it: a reference cycle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from service.context import request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant
from service.twins.endpoints import calls_in_thread


class Rejected(Exception):
    """The check failed."""


Outcome = tuple[bool, Exception | None]
"""Whether the check passed and, if not, the exception."""

worker = ThreadPoolExecutor(1, "marshalling-worker")


def check(context_kb: int) -> None:
    """Reject, with a new object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real check's data would be
    raise Rejected


def check_in_worker(context_kb: int) -> Outcome:
    """Run the check in the worker's thread, and return an exception instead of raising it."""
    try:
        check(context_kb)
    except Rejected as error:
        return False, error
    return True, None


def check_in_worker_detached(context_kb: int) -> Outcome:
    """Run the check in the worker's thread, and return an exception without the worker's frames."""
    try:
        check(context_kb)
    except Rejected as error:
        return False, error.with_traceback(None)
    return True, None


def call(context_kb: int) -> None:
    """Run the check in the worker, and raise its exception here."""
    _, value = worker.submit(check_in_worker, context_kb).result()
    if value is not None:
        raise value  # leaks: this frame is in the traceback of what its local `value` holds


def call_and_delete(context_kb: int) -> None:
    """Run the check in the worker, raise its exception here, and delete the local."""
    _, value = worker.submit(check_in_worker, context_kb).result()
    try:
        if value is not None:
            raise value
    finally:
        del value


def call_and_delete_detached(context_kb: int) -> None:
    """Run the check in the worker, raise its exception here without the worker's frames, and delete the local."""
    _, value = worker.submit(check_in_worker_detached, context_kb).result()
    try:
        if value is not None:
            raise value
    finally:
        del value


TWIN = Twin(
    slug="marshalled",
    title="A worker that returns `(False, exc)` to another thread",
    origin="the second article; thread pools and event loops pass exceptions on in this way",
    leaky="kept",
    fixed="detached",
    variants=(
        Variant(
            "kept",
            calls_in_thread(call, Rejected),
            Expected(cyclic_objects_per_request=Range(20, 35)),
            "The frame that raises the exception in this thread holds it in a local, and is in its traceback: a "
            "reference cycle.",
        ),
        Variant(
            "deleted",
            calls_in_thread(call_and_delete, Rejected),
            Expected(cyclic_objects_per_request=Range(20, 35)),
            "An ineffective fix: `finally: del value` deletes one local, but the traceback holds the worker's frames "
            "and their callers too, and a frame of the pool still holds the result.",
        ),
        Variant(
            "detached",
            calls_in_thread(call_and_delete_detached, Rejected),
            FLAT,
            "The worker removes the traceback before it returns the exception, and the frame that raises it deletes "
            "its local.",
        ),
    ),
)
