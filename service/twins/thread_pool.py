"""A reused error from a plain `def` endpoint, which the framework runs in its thread pool."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from service.context import ContextKb, request_context
from service.errors import ApiError
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant

report_missing = ApiError(404, "Report missing", "This month has no report.")
http_report_missing = HTTPException(404, "This month has no report.")


def reused(context_kb: ContextKb) -> str:
    """Read no report, and raise the reused object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise report_missing  # leaks the frames of both threads: the pool passes the object to the event loop


def factory(context_kb: ContextKb) -> str:
    """Read no report, and raise a new object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(404, "Report missing", "This month has no report.")


async def factory_awaited(context_kb: ContextKb) -> str:
    """Read no report on the event loop, and raise a new object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(404, "Report missing", "This month has no report.")


def http_exception(context_kb: ContextKb) -> str:
    """Read no report, and raise a reused `HTTPException`; the framework handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise http_report_missing  # leaks where no handler clears the traceback


TWIN = Twin(
    slug="thread-pool",
    title="A reused error from a plain `def` endpoint, in the thread pool",
    origin="the first article's reused error; specific to the web: a `def` endpoint runs in a thread",
    reused={"thread_pool.report_missing": report_missing, "thread_pool.http_report_missing": http_report_missing},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(19, 23), Range(31_500, 43_000)),
            "The thread pool passes the object to the event loop, so the frames of both threads are retained.",
            status=404,
        ),
        Variant(
            "factory",
            factory,
            Expected(cyclic_objects_per_request=Range(105, 170)),
            "No memory is retained, but the object is not freed when the request ends: a frame of its traceback holds "
            "the future that carries it, a reference cycle that only the garbage collector frees.",
            status=404,
        ),
        Variant(
            "factory-awaited",
            factory_awaited,
            FLAT,
            "An `async def` endpoint raises on the event loop: no future, so no reference cycle.",
            status=404,
        ),
        Variant(
            "http-exception",
            http_exception,
            FLAT,
            "Starlette 1.10.0 and later clear the traceback, as in the twin `http-exception`.",
            status=404,
            before_starlette_1_10=Expected(Range(8, 12), Range(29_500, 43_000)),
        ),
    ),
)
