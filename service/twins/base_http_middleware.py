"""A reused error that a `BaseHTTPMiddleware` of the app handles."""

from __future__ import annotations

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from service.context import ContextKb, request_context
from service.problems import problem
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


class QuotaExceeded(Exception):
    """The client has used up its quota."""


class QuotaExceededCleared(QuotaExceeded):
    """The same error; the middleware clears it."""


quota_exceeded = QuotaExceeded("Ask again tomorrow.")


async def answer_quota(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Turn a `QuotaExceeded` into a response."""
    try:
        return await call_next(request)
    except QuotaExceededCleared as error:
        error.__traceback__ = error.__context__ = None  # the context is an `EndOfStream` that has a traceback too
        return problem(429, "Quota exceeded", str(error))
    except QuotaExceeded as error:
        return problem(429, "Quota exceeded", str(error))


def spend_reused(context_kb: int) -> str:
    """Exceed the quota, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise quota_exceeded  # leaks on every version: the middleware is not one of the framework's handlers


def spend_factory(context_kb: int) -> str:
    """Exceed the quota, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise QuotaExceeded("Ask again tomorrow.")


def spend_factory_cleared(context_kb: int) -> str:
    """Exceed the quota, and raise a new object that the middleware clears."""
    context = request_context(context_kb)  # noqa: F841
    raise QuotaExceededCleared("Ask again tomorrow.")


async def reused(context_kb: ContextKb) -> str:
    """Exceed the quota; the middleware handles the error."""
    return spend_reused(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Exceed the quota; the middleware handles the error."""
    return spend_factory(context_kb)


async def factory_cleared(context_kb: ContextKb) -> str:
    """Exceed the quota; the middleware handles the error and clears it."""
    return spend_factory_cleared(context_kb)


def around(app: ASGIApp) -> ASGIApp:
    """Wrap the middleware around this twin's routes only."""
    return BaseHTTPMiddleware(app, answer_quota)


TWIN = Twin(
    slug="base-http-middleware",
    title="A reused error, handled by a `BaseHTTPMiddleware`",
    origin="the first article's reused error, under the kind of middleware that most apps write",
    reused={"base_http_middleware.quota_exceeded": quota_exceeded},
    middleware=around,
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(9, 13), Range(31_000, 47_000)),
            "The middleware runs the app in a separate task and raises the error again. Nothing clears the traceback.",
            status=429,
        ),
        Variant(
            "factory",
            factory,
            Expected(cyclic_objects_per_request=Range(110, 195)),
            "No memory is retained, but the object is not freed when the request ends: the middleware's frames are in "
            "its traceback and hold it, a reference cycle that only the garbage collector frees.",
            status=429,
        ),
        Variant(
            "factory-cleared",
            factory_cleared,
            FLAT,
            "The object is new, and the middleware sets its `__traceback__` and its `__context__` to None, so no "
            "reference cycle is left. Clearing only the traceback would leave one.",
            status=429,
        ),
    ),
)
