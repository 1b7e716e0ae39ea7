"""A reused error that a `BaseHTTPMiddleware` of the app answers."""

from __future__ import annotations

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from service.context import ContextKb, request_context
from service.problems import problem
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


class QuotaExceeded(Exception):
    """The client has asked for too much."""


class QuotaExceededCleared(QuotaExceeded):
    """The same; the middleware clears it."""


quota_exceeded = QuotaExceeded("Ask again tomorrow.")


async def answer_quota(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Answer a `QuotaExceeded`."""
    try:
        return await call_next(request)
    except QuotaExceededCleared as error:
        error.__traceback__ = error.__context__ = None  # the context is the end of a stream, which has a traceback too
        return problem(429, "Quota exceeded", str(error))
    except QuotaExceeded as error:
        return problem(429, "Quota exceeded", str(error))


def spend_reused(context_kb: int) -> str:
    """Spend what is not there, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise quota_exceeded  # leaks: the middleware is no handler of the framework's, on any version


def spend_factory(context_kb: int) -> str:
    """Spend what is not there, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise QuotaExceeded("Ask again tomorrow.")


def spend_factory_cleared(context_kb: int) -> str:
    """Spend what is not there, and raise a fresh object that the middleware clears."""
    context = request_context(context_kb)  # noqa: F841
    raise QuotaExceededCleared("Ask again tomorrow.")


async def reused(context_kb: ContextKb) -> str:
    """Spend; the middleware answers."""
    return spend_reused(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Spend; the middleware answers."""
    return spend_factory(context_kb)


async def factory_cleared(context_kb: ContextKb) -> str:
    """Spend; the middleware answers and clears."""
    return spend_factory_cleared(context_kb)


def around(app: ASGIApp) -> ASGIApp:
    """Put the middleware around the routes of this twin alone."""
    return BaseHTTPMiddleware(app, answer_quota)


TWIN = Twin(
    slug="base-http-middleware",
    title="A reused error, answered by a `BaseHTTPMiddleware`",
    origin="the first article's singleton, under the kind of middleware that most apps write",
    reused={"base_http_middleware.quota_exceeded": quota_exceeded},
    middleware=around,
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(9, 13), Range(31_000, 47_000)),
            "The middleware runs the app in a task of its own and raises the error again on its side; none clears it.",
            status=429,
        ),
        Variant(
            "factory",
            factory,
            Expected(cyclic_objects_per_request=Range(110, 195)),
            "No memory is kept, but the object does not die with the request: the middleware's frames are in its "
            "traceback and hold it, a circle for the collector.",
            status=429,
        ),
        Variant(
            "factory-cleared",
            factory_cleared,
            FLAT,
            "The object is fresh, and the middleware sets both its `__traceback__` and its `__context__` to None: no "
            "circle. The traceback alone would leave one.",
            status=429,
        ),
    ),
)
