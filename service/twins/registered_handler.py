"""A reused error of the app's own class, handled by a handler that is registered with the framework."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from service.context import ContextKb, request_context
from service.problems import problem
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


class OutOfStock(Exception):
    """The item is out of stock."""


class OutOfStockCleared(OutOfStock):
    """The same error; its handler clears the traceback."""


out_of_stock = OutOfStock("The item is out of stock.")
out_of_stock_cleared = OutOfStockCleared("The item is out of stock.")


async def answer(_: Request, error: Exception) -> JSONResponse:
    """Turn an `OutOfStock` into a response."""
    return problem(409, "Out of stock", str(error))


async def answer_and_clear(_: Request, error: Exception) -> JSONResponse:
    """Turn an `OutOfStockCleared` into a response, and clear its traceback."""
    error.__traceback__ = None  # fixes every raise of this class, on every version
    return problem(409, "Out of stock", str(error))


def order_reused(context_kb: int) -> str:
    """Order an item that is out of stock, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise out_of_stock  # leaks where no handler clears the traceback


def order_cleared(context_kb: int) -> str:
    """Order an item that is out of stock, and raise the reused object whose handler clears it."""
    context = request_context(context_kb)  # noqa: F841
    raise out_of_stock_cleared


def order_factory(context_kb: int) -> str:
    """Order an item that is out of stock, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise OutOfStock("The item is out of stock.")


async def reused(context_kb: ContextKb) -> str:
    """Order; the registered handler handles the error."""
    return order_reused(context_kb)


async def cleared(context_kb: ContextKb) -> str:
    """Order; the registered handler handles the error and clears it."""
    return order_cleared(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Order; the registered handler handles the error."""
    return order_factory(context_kb)


TWIN = Twin(
    slug="registered-handler",
    title="A reused error of the app's own class, handled by a registered handler",
    origin="the first article; Kludex/starlette#3205",
    reused={
        "registered_handler.out_of_stock": out_of_stock,
        "registered_handler.out_of_stock_cleared": out_of_stock_cleared,
    },
    handlers={OutOfStock: answer, OutOfStockCleared: answer_and_clear},
    variants=(
        Variant(
            "reused",
            reused,
            FLAT,
            "Starlette 1.10.0 and later clear the traceback after a registered handler. Earlier versions retain it.",
            status=409,
            before_starlette_1_10=Expected(Range(4, 8), Range(27_000, 39_000)),
        ),
        Variant("factory", factory, FLAT, "The object is freed when the request ends.", status=409),
        Variant(
            "cleared",
            cleared,
            FLAT,
            "The handler sets `__traceback__` to None, and nothing raises the error after that. This is a fix on every "
            "version if every handler does it.",
            status=409,
        ),
    ),
)
