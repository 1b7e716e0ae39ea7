"""A reused error that the endpoint itself catches, and what each fix does.

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
    """Somebody else has this seat."""


seat_taken = SeatTaken("Somebody else has this seat.")


def reserve_reused(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise seat_taken  # leaks: each raise adds an entry for this frame and one for the endpoint's


def reserve_factory(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise SeatTaken("Somebody else has this seat.")


def reserve_detached(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise the reused object without its old traceback."""
    context = request_context(context_kb)  # noqa: F841
    raise seat_taken.with_traceback(None)


def reserve_copied(context_kb: int) -> None:
    """Reserve a seat that is taken, and raise a copy of the reused object."""
    context = request_context(context_kb)  # noqa: F841
    raise copy.copy(seat_taken)


def catches(reserve: Callable[[int], None]) -> Callable[..., Awaitable[JSONResponse]]:
    """Return an endpoint that catches the error and responds."""

    async def endpoint(context_kb: ContextKb) -> JSONResponse:
        try:
            reserve(context_kb)
        except SeatTaken:
            pass
        return conflict()

    return endpoint


async def cleared(context_kb: ContextKb) -> JSONResponse:
    """Reserve, catch the error, and clear its traceback."""
    try:
        reserve_reused(context_kb)
    except SeatTaken as error:
        error.__traceback__ = None
    return conflict()


def reserve_and_raise_on(context_kb: int) -> None:
    """Reserve, catch the error, clear its traceback, and raise it again."""
    try:
        reserve_reused(context_kb)
    except SeatTaken as error:
        error.__traceback__ = None
        raise  # up to Python 3.10 this restored the old traceback


async def frames_cleared(context_kb: ContextKb) -> JSONResponse:
    """Reserve, catch the error, and clear the locals of all frames in its traceback."""
    try:
        reserve_reused(context_kb)
    except SeatTaken as error:
        traceback.clear_frames(error.__traceback__)  # frees the locals, not the entries and their frames
    return conflict()


def conflict() -> JSONResponse:
    """Respond that the seat is taken."""
    return problem(409, "Seat taken", "Somebody else has this seat.")


TWIN = Twin(
    slug="endpoint",
    title="A reused error, caught by the endpoint itself, and every fix",
    origin="the fixes of both articles; cpython#90873 and cpython#105795: the growth is by design",
    reused={"endpoint.seat_taken": seat_taken},
    variants=(
        Variant(
            "reused",
            catches(reserve_reused),
            TWO_ENTRIES,
            "Each raise adds two entries, for the frame that raises and the frame that catches. Both are retained, "
            "with the context.",
            status=409,
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant(
            "factory",
            catches(reserve_factory),
            FLAT,
            "The object is freed at the end of the `except` clause.",
            status=409,
        ),
        Variant(
            "detached",
            catches(reserve_detached),
            FLAT,
            "`with_traceback(None)` before each raise: only the last raise's entries are retained.",
            status=409,
        ),
        Variant("copied", catches(reserve_copied), FLAT, "A copy is a new object without a traceback.", status=409),
        Variant(
            "cleared",
            cleared,
            FLAT,
            "`__traceback__ = None` where the error is handled: nothing refers to its frames any more.",
            status=409,
        ),
        Variant(
            "cleared-and-raised",
            catches(reserve_and_raise_on),
            FLAT,
            "Since Python 3.11 a bare `raise` does not restore a traceback that was set to None. Up to Python 3.10 it "
            "does, and this variant leaks.",
            status=409,
        ),
        Variant(
            "frames-cleared",
            frames_cleared,
            Expected(exactly(2), Range(430, 620)),
            "An ineffective fix: `traceback.clear_frames` frees the locals with the context, but each entry and its "
            "frame are retained. Memory only grows more slowly.",
            status=409,
            with_callers=Expected(exactly(2), Range(16_500, 21_000)),
        ),
    ),
)
