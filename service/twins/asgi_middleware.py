"""The headline: a reused error that the app's own middleware answers (`service/problems.py`).

A common design, and one that no release of a framework protects. The `/reused` and `/factory` routes are this twin too,
with two more frames of a router: the lines that differ are in `service/lookups.py`.
"""

from __future__ import annotations

import copy

from service.context import ContextKb, request_context
from service.errors import Errors
from service.lookups import LOOKUPS
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


def find_user_copied(context_kb: int) -> str:
    """Find no user, and raise a copy of the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise copy.copy(Errors.user_not_found)  # a fresh object without a traceback; `ApiError` keeps its arguments


async def reused(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware answers."""
    return LOOKUPS["reused"].find_user("42", context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware answers."""
    return LOOKUPS["factory"].find_user("42", context_kb)


async def detached(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware answers."""
    return LOOKUPS["detached"].find_user("42", context_kb)


async def copied(context_kb: ContextKb) -> str:
    """Find no user; the app's middleware answers."""
    return find_user_copied(context_kb)


TWIN = Twin(
    slug="asgi-middleware",
    title="A reused error, answered by the app's own ASGI middleware",
    origin="the first article: a catalogue of errors built once, raised by every request",
    reused={"user_not_found": Errors.user_not_found},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(traceback_entries_per_request=Range(15, 19), bytes_per_request=Range(29_000, 40_000)),
            "No framework handler sees the error, so nothing clears its traceback: every frame down to the middleware "
            "stays, with the context that it holds.",
            status=404,
        ),
        Variant("factory", factory, FLAT, "The object dies with the request, and its frames with it.", status=404),
        Variant(
            "detached",
            detached,
            FLAT,
            "`with_traceback(None)` cuts the old entries off before each raise: the last request's frames stay, and no "
            "more. Two requests that raise the object at once share one traceback.",
            status=404,
        ),
        Variant(
            "copied",
            copied,
            FLAT,
            "`copy.copy` makes a fresh object without a traceback, as long as the class can be copied.",
            status=404,
        ),
    ),
)
