"""A reused error of the app's own class, answered by a handler that is registered with the framework."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from service.context import ContextKb, request_context
from service.problems import problem
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


class OutOfStock(Exception):
    """There is none left of what was ordered."""


class OutOfStockCleared(OutOfStock):
    """The same; its handler clears the traceback."""


out_of_stock = OutOfStock("There is none left.")
out_of_stock_cleared = OutOfStockCleared("There is none left.")


async def answer(_: Request, error: Exception) -> JSONResponse:
    """Answer an `OutOfStock`."""
    return problem(409, "Out of stock", str(error))


async def answer_and_clear(_: Request, error: Exception) -> JSONResponse:
    """Answer an `OutOfStockCleared`, and let go of its frames."""
    error.__traceback__ = None  # fixes it on every version, for all who raise an error of this class
    return problem(409, "Out of stock", str(error))


def order_reused(context_kb: int) -> str:
    """Order what there is none of, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise out_of_stock  # leaks where no handler clears the traceback


def order_cleared(context_kb: int) -> str:
    """Order what there is none of, and raise the reused object whose handler clears it."""
    context = request_context(context_kb)  # noqa: F841
    raise out_of_stock_cleared


def order_factory(context_kb: int) -> str:
    """Order what there is none of, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise OutOfStock("There is none left.")


async def reused(context_kb: ContextKb) -> str:
    """Order; the registered handler answers."""
    return order_reused(context_kb)


async def cleared(context_kb: ContextKb) -> str:
    """Order; the registered handler answers and clears."""
    return order_cleared(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Order; the registered handler answers."""
    return order_factory(context_kb)


TWIN = Twin(
    slug="registered-handler",
    title="A reused error of an own class, answered by a registered handler",
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
            "Since Starlette 1.10.0 the framework clears the traceback after a registered handler; before, it stayed.",
            status=409,
            before_starlette_1_10=Expected(Range(4, 8), Range(27_000, 39_000)),
        ),
        Variant("factory", factory, FLAT, "The object dies with the request.", status=409),
        Variant(
            "cleared",
            cleared,
            FLAT,
            "The handler sets `__traceback__` to None, and nothing raises the error after that: a fix on every "
            "version, as long as each handler does it.",
            status=409,
        ),
    ),
)
