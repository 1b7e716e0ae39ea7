"""A reused error that the endpoint itself catches, and what each fix really does.

The first four variants differ in the line that raises, the last three in what the `except` clause does.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Awaitable, Callable

from starlette.responses import JSONResponse

from service.context import ContextKb, request_context
from service.problems import problem
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Expected, Range, Twin, Variant, exactly


class SeatTaken(Exception):
    """Somebody else has the seat."""


seat_taken = SeatTaken("Somebody else has this seat.")


def reserve_reused(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise seat_taken  # leaks: an entry for this frame and one for the endpoint's, each time


def reserve_factory(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise SeatTaken("Somebody else has this seat.")


def reserve_detached(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise the reused object with its old traceback cut off."""
    context = request_context(context_kb)  # noqa: F841
    raise seat_taken.with_traceback(None)


def reserve_copied(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise a copy of the reused object."""
    context = request_context(context_kb)  # noqa: F841
    raise copy.copy(seat_taken)


def catches(reserve: Callable[[int], None]) -> Callable[..., Awaitable[JSONResponse]]:
    """Return an endpoint that catches the error and answers."""

    async def endpoint(context_kb: ContextKb) -> JSONResponse:
        try:
            reserve(context_kb)
        except SeatTaken:
            pass
        return conflict()

    return endpoint


async def cleared(context_kb: ContextKb) -> JSONResponse:
    """Reserve, and let go of the traceback."""
    try:
        reserve_reused(context_kb)
    except SeatTaken as error:
        error.__traceback__ = None
    return conflict()


def reserve_and_raise_on(context_kb: int) -> None:
    """Reserve, let go of the traceback, and raise the error on."""
    try:
        reserve_reused(context_kb)
    except SeatTaken as error:
        error.__traceback__ = None
        raise  # up to Python 3.10 this put the old traceback back


async def frames_cleared(context_kb: ContextKb) -> JSONResponse:
    """Reserve, and clear the locals of all frames of the traceback."""
    try:
        reserve_reused(context_kb)
    except SeatTaken as error:
        traceback.clear_frames(error.__traceback__)  # the locals go, the entries and their frames stay
    return conflict()


def conflict() -> JSONResponse:
    """Answer that the seat is taken."""
    return problem(409, "Seat taken", "Somebody else has this seat.")


TWIN = Twin(
    slug="endpoint",
    title="A reused error, caught by the endpoint itself, and every fix",
    origin="both articles' fixes; CPython's cpython#90873 and cpython#105795 say that the growth is by design",
    reused={"endpoint.seat_taken": seat_taken},
    variants=(
        Variant(
            "reused",
            catches(reserve_reused),
            TWO_ENTRIES,
            "Two frames pass it, the one that raises and the one that catches; both stay, with the context.",
            status=409,
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant(
            "factory",
            catches(reserve_factory),
            FLAT,
            "The object dies at the end of the `except` clause.",
            status=409,
        ),
        Variant(
            "detached",
            catches(reserve_detached),
            FLAT,
            "`with_traceback(None)` before each raise: one raise's worth stays, the last one's.",
            status=409,
        ),
        Variant("copied", catches(reserve_copied), FLAT, "A copy is a fresh object without a traceback.", status=409),
        Variant(
            "cleared",
            cleared,
            FLAT,
            "`__traceback__ = None` where the error ends: nothing links to its frames any more.",
            status=409,
        ),
        Variant(
            "cleared-and-raised",
            catches(reserve_and_raise_on),
            FLAT,
            "Since Python 3.11 a bare `raise` does not bring back a traceback that was set to None; up to 3.10 it did, "
            "and this grew.",
            status=409,
        ),
        Variant(
            "frames-cleared",
            frames_cleared,
            Expected(exactly(2), Range(430, 620)),
            "`traceback.clear_frames` frees the locals, so the context goes, but each entry and its frame stay: slower "
            "growth, and no fix.",
            status=409,
            with_callers=Expected(exactly(2), Range(16_500, 21_000)),
        ),
    ),
)
