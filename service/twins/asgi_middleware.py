"""The headline: a reused error that the app's own middleware handles (`service/problems.py`).

That design is common, and no release of Starlette or FastAPI protects it. The `/reused` and `/factory` routes are this
twin too, with two more frames of a router. The lines that differ are in `service/lookups.py`.
"""

from __future__ import annotations

import copy

from service.context import ContextKb, request_context
from service.errors import Errors
from service.lookups import LOOKUPS, find_user_factory, find_user_reused
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


def find_user_copied(context_kb: int) -> str:
    """Find no user, and raise a copy of the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise copy.copy(Errors.user_not_found)  # a new object without a traceback; `ApiError` can be copied


async def reused(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware handles the error."""
    return LOOKUPS["reused"].find_user("42", context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware handles the error."""
    return LOOKUPS["factory"].find_user("42", context_kb)


async def detached(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware handles the error."""
    return LOOKUPS["detached"].find_user("42", context_kb)


async def copied(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware handles the error."""
    return find_user_copied(context_kb)


TWIN = Twin(
    slug="asgi-middleware",
    title="A reused error, handled by the app's own ASGI middleware",
    origin="the first article: module-level error objects, raised by every request",
    reused={"user_not_found": Errors.user_not_found},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(traceback_entries_per_request=Range(15, 19), bytes_per_request=Range(29_000, 40_000)),
            "No handler of the framework sees the error, so nothing clears its traceback. Each request adds every "
            "frame from the middleware to the raise, with the context that it holds.",
            status=404,
            shown=find_user_reused,
        ),
        Variant(
            "factory",
            factory,
            FLAT,
            "The object and its frames are freed when the request ends.",
            status=404,
            shown=find_user_factory,
        ),
        Variant(
            "detached",
            detached,
            FLAT,
            "`with_traceback(None)` removes the old entries before each raise, so only the last request's frames are "
            "retained. Requests that raise the object at the same time share one traceback.",
            status=404,
        ),
        Variant(
            "copied",
            copied,
            FLAT,
            "`copy.copy` makes a new object without a traceback. The class must support copying.",
            status=404,
        ),
    ),
)
