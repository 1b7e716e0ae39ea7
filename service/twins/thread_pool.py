"""A reused error from a plain `def` endpoint, which the framework runs in a thread of its pool."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from service.context import ContextKb, request_context
from service.errors import ApiError
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant

report_missing = ApiError(404, "Report missing", "There is no report for this month.")
http_report_missing = HTTPException(404, "There is no report for this month.")


def reused(context_kb: ContextKb) -> str:
    """Read no report, and raise the reused object; the app's middleware answers."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise report_missing  # leaks, across the threads: the pool hands the object back to the event loop


def factory(context_kb: ContextKb) -> str:
    """Read no report, and raise a fresh object; the app's middleware answers."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(404, "Report missing", "There is no report for this month.")


async def factory_awaited(context_kb: ContextKb) -> str:
    """Read no report on the event loop, and raise a fresh object; the app's middleware answers."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(404, "Report missing", "There is no report for this month.")


def http_exception(context_kb: ContextKb) -> str:
    """Read no report, and raise a reused `HTTPException`; the framework answers."""
    context = request_context(context_kb)  # noqa: F841
    raise http_report_missing  # leaks where no handler clears the traceback


TWIN = Twin(
    slug="thread-pool",
    title="A reused error from a plain `def` endpoint, in the thread pool",
    origin="the first article's singleton; the web's own: a `def` endpoint runs in a thread",
    reused={"thread_pool.report_missing": report_missing, "thread_pool.http_report_missing": http_report_missing},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(19, 23), Range(31_500, 43_000)),
            "The pool hands the object over to the event loop, and the frames of both threads stay.",
            status=404,
        ),
        Variant(
            "factory",
            factory,
            Expected(cyclic_objects_per_request=Range(105, 170)),
            "No memory is kept, but the object does not die with the request: the future that brought it over is held "
            "by a frame of its traceback and holds it, a circle for the collector.",
            status=404,
        ),
        Variant(
            "factory-awaited",
            factory_awaited,
            FLAT,
            "An `async def` endpoint raises on the event loop: no future, no circle.",
            status=404,
        ),
        Variant(
            "http-exception",
            http_exception,
            FLAT,
            "As `http-exception`: cleared by the framework since Starlette 1.10.0.",
            status=404,
            before_starlette_1_10=Expected(Range(8, 12), Range(29_500, 43_000)),
        ),
    ),
)
