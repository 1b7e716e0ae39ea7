"""A reused error that passes through a `yield` dependency on its way up: a session, a transaction, a lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException

from service.context import ContextKb, request_context
from service.errors import ApiError
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant

row_locked = ApiError(423, "Row locked", "Somebody else is writing this row.")
http_row_locked = HTTPException(423, "Somebody else is writing this row.")


async def transaction() -> AsyncIterator[str]:
    """Roll back what was begun, whatever the error."""
    try:
        yield "transaction"
    except Exception:
        raise  # after a rollback


async def clearing_transaction() -> AsyncIterator[str]:
    """Roll back what was begun, and try to let go of the error's traceback before it is raised on."""
    try:
        yield "transaction"
    except Exception as error:
        error.__traceback__ = None  # in vain: the context manager around this generator puts it back
        raise


Transaction = Annotated[str, Depends(transaction)]
ClearingTransaction = Annotated[str, Depends(clearing_transaction)]


async def reused(_: Transaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise the reused object; the app's middleware answers."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise row_locked  # leaks, as without the dependency


async def factory(_: Transaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise a fresh object; the app's middleware answers."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(423, "Row locked", "Somebody else is writing this row.")


async def http_exception(_: Transaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise a reused `HTTPException`; the framework answers."""
    context = request_context(context_kb)  # noqa: F841
    raise http_row_locked  # leaks where no handler clears the traceback


async def cleared_and_raised(_: ClearingTransaction, context_kb: ContextKb) -> str:
    """Write a locked row, and raise the reused object; the dependency tries to clear it on its way."""
    context = request_context(context_kb)  # noqa: F841
    raise row_locked


TWIN = Twin(
    slug="yield-dependency",
    title="A reused error, through a `yield` dependency",
    origin="the first article's singleton; the second's fix, `__traceback__ = None` and then a bare `raise`",
    reused={"yield_dependency.row_locked": row_locked, "yield_dependency.http_row_locked": http_row_locked},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(14, 18), Range(29_000, 40_000)),
            "The error is thrown into the dependency and raised again from there; the dependency's own frames are not "
            "retained, since `contextlib` puts back the traceback that it threw in.",
            status=423,
        ),
        Variant("factory", factory, FLAT, "The object dies with the request.", status=423),
        Variant(
            "http-exception",
            http_exception,
            FLAT,
            "As `http-exception`: cleared by the framework since Starlette 1.10.0.",
            status=423,
            before_starlette_1_10=Expected(Range(4, 7), Range(27_000, 40_000)),
        ),
        Variant(
            "cleared-and-raised",
            cleared_and_raised,
            Expected(Range(14, 18), Range(29_000, 40_000)),
            "The dependency sets `__traceback__` to None and raises on, and it leaks all the same: after the generator "
            "`contextlib` puts back the traceback that it threw in.",
            status=423,
        ),
    ),
)
