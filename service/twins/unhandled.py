"""A reused error that nothing handles: the framework responds with 500, and the server logs the traceback."""

from __future__ import annotations

from functools import partial

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant
from service.twins.log_limits import logged_at_most


class ConnectionLost(Exception):
    """The connection to the database is lost."""


connection_lost = ConnectionLost("The connection to the database is lost.")


def query_reused(context_kb: int) -> str:
    """Query without a connection, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise connection_lost  # leaks: every frame from the server's to this one


def query_factory(context_kb: int) -> str:
    """Query without a connection, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise ConnectionLost("The connection to the database is lost.")


async def reused(context_kb: ContextKb) -> str:
    """Query; nothing handles the error."""
    return query_reused(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Query; nothing handles the error."""
    return query_factory(context_kb)


TWIN = Twin(
    slug="unhandled",
    title="A reused error that nothing handles: status 500",
    origin="the first article's reused error, without a handler; pyserial 3.4 and pickledb 0.9.2 raised such objects",
    reused={"unhandled.connection_lost": connection_lost},
    running=partial(logged_at_most, 1, ConnectionLost),
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(22, 27), Range(31_000, 46_000)),
            "The framework responds, raises the error again for the server, and clears nothing.",
            status=500,
        ),
        Variant("factory", factory, FLAT, "The object is freed when the request ends.", status=500),
    ),
)
