"""A reused error that passes through a `yield` dependency, such as a session, a transaction or a lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException

from service.context import ContextKb, request_context
from service.errors import ApiError
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant

row_locked = ApiError(423, "Row locked", "Another transaction holds this row.")
http_row_locked = HTTPException(423, "Another transaction holds this row.")


async def transaction() -> AsyncIterator[str]:
    """Roll back on any error."""
    try:
        yield "transaction"
    except Exception:
        raise  # after a rollback


async def clearing_transaction() -> AsyncIterator[str]:
    """Roll back on any error, and try to clear its traceback before raising it again."""
    try:
        yield "transaction"
    except Exception as error:
        error.__traceback__ = None  # no effect: the context manager around this generator restores it
        raise


Transaction = Annotated[str, Depends(transaction)]
ClearingTransaction = Annotated[str, Depends(clearing_transaction)]


async def reused(_: Transaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise the reused object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise row_locked  # leaks, as without the dependency


async def factory(_: Transaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise a new object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(423, "Row locked", "Another transaction holds this row.")


async def http_exception(_: Transaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise a reused `HTTPException`; the framework handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise http_row_locked  # leaks where no handler clears the traceback


async def cleared_and_raised(_: ClearingTransaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise the reused object; the dependency tries to clear its traceback."""
    context = request_context(context_kb)  # noqa: F841
    raise row_locked


TWIN = Twin(
    slug="yield-dependency",
    title="A reused error, through a `yield` dependency",
    origin="the first article's reused error; the second's fix, `__traceback__ = None` and then a bare `raise`",
    reused={"yield_dependency.row_locked": row_locked, "yield_dependency.http_row_locked": http_row_locked},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(14, 18), Range(29_000, 40_000)),
            "`contextlib` throws the error into the dependency, which raises it again. The dependency's own frames are "
            "not retained, since `contextlib` then restores the traceback that the error had before.",
            status=423,
        ),
        Variant("factory", factory, FLAT, "The object is freed when the request ends.", status=423),
        Variant(
            "http-exception",
            http_exception,
            FLAT,
            "Starlette 1.10.0 and later clear the traceback, as in the twin `http-exception`.",
            status=423,
            before_starlette_1_10=Expected(Range(4, 7), Range(27_000, 40_000)),
        ),
        Variant(
            "cleared-and-raised",
            cleared_and_raised,
            Expected(Range(14, 18), Range(29_000, 40_000)),
            "An ineffective fix: the dependency sets `__traceback__` to None and raises the error again, but then "
            "`contextlib` restores the traceback that the error had before.",
            status=423,
        ),
    ),
)
