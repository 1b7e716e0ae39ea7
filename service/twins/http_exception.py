"""A reused `HTTPException` that the framework's own handler handles.

Starlette 1.10.0 and later clear the traceback of an exception that one of their handlers has handled, so memory stays
flat. With 1.9.0 and earlier it grows. The Compose profile `framework` runs both.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant

user_not_found = HTTPException(404, "There is no user with this id.")


def find_user_reused(context_kb: int) -> str:
    """Find no user, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise user_not_found  # leaks where no handler clears the traceback


def find_user_factory(context_kb: int) -> str:
    """Find no user, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise HTTPException(404, "There is no user with this id.")


async def reused(context_kb: ContextKb) -> str:
    """Find no user; the framework handles the error."""
    return find_user_reused(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Find no user; the framework handles the error."""
    return find_user_factory(context_kb)


TWIN = Twin(
    slug="http-exception",
    title="A reused `HTTPException`, handled by the framework",
    origin="the first article; Kludex/starlette#3205; also in Netflix/dispatch and amaglichc/MoodTracker",
    reused={"http_exception.user_not_found": user_not_found},
    variants=(
        Variant(
            "reused",
            reused,
            FLAT,
            "Starlette 1.10.0 and later clear the traceback of an exception that a handler has handled. Earlier "
            "versions retain every frame from the handler to the raise.",
            status=404,
            before_starlette_1_10=Expected(Range(4, 8), Range(27_000, 39_000)),
        ),
        Variant("factory", factory, FLAT, "The object is freed when the request ends.", status=404),
    ),
)
