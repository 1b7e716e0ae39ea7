"""A reused error that a dependency raises, before the endpoint is called."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException

from service.context import ContextKb, request_context
from service.errors import ApiError
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant

not_signed_in = ApiError(401, "Not signed in", "Sign in first.", {"WWW-Authenticate": "Bearer"})
http_not_signed_in = HTTPException(401, "Sign in first.", {"WWW-Authenticate": "Bearer"})


async def signed_in_reused(context_kb: ContextKb) -> str:
    """Find nobody signed in, and raise the reused object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise not_signed_in  # leaks, as from an endpoint


async def signed_in_factory(context_kb: ContextKb) -> str:
    """Find nobody signed in, and raise a new object; the app's middleware handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise ApiError(401, "Not signed in", "Sign in first.", {"WWW-Authenticate": "Bearer"})


async def signed_in_http_exception(context_kb: ContextKb) -> str:
    """Find nobody signed in, and raise a reused `HTTPException`; the framework handles it."""
    context = request_context(context_kb)  # noqa: F841
    raise http_not_signed_in  # leaks where no handler clears the traceback


async def reused(user: Annotated[str, Depends(signed_in_reused)]) -> str:
    """Return who is signed in."""
    return user


async def factory(user: Annotated[str, Depends(signed_in_factory)]) -> str:
    """Return who is signed in."""
    return user


async def http_exception(user: Annotated[str, Depends(signed_in_http_exception)]) -> str:
    """Return who is signed in."""
    return user


TWIN = Twin(
    slug="dependency",
    title="A reused error from a dependency",
    origin="the first article's reused error, in a dependency, where most services check tokens",
    reused={"dependency.not_signed_in": not_signed_in, "dependency.http_not_signed_in": http_not_signed_in},
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(14, 18), Range(29_000, 40_000)),
            "The endpoint is never called, but the framework's frames that resolve its dependencies are retained.",
            shown=signed_in_reused,
            status=401,
        ),
        Variant(
            "factory",
            factory,
            FLAT,
            "The object is freed when the request ends.",
            status=401,
            shown=signed_in_factory,
        ),
        Variant(
            "http-exception",
            http_exception,
            FLAT,
            "Starlette 1.10.0 and later clear the traceback, as in the twin `http-exception`.",
            status=401,
            before_starlette_1_10=Expected(Range(4, 7), Range(27_500, 40_000)),
        ),
    ),
)
