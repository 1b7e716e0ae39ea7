"""A reused error that nothing handles: the framework responds with 500, and the server logs the traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


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


@contextmanager
def logged_once() -> Iterator[None]:
    """Let the server log only the first of these errors: records that grow with each would soon fill the disk."""
    logger = logging.getLogger("uvicorn.error")
    was_logged = False

    def is_first(record: logging.LogRecord) -> bool:
        nonlocal was_logged
        if not (record.exc_info and record.exc_info[0] is ConnectionLost):
            return True
        first, was_logged = not was_logged, True
        return first

    logger.addFilter(is_first)
    try:
        yield
    finally:
        logger.removeFilter(is_first)


TWIN = Twin(
    slug="unhandled",
    title="A reused error that nothing handles: status 500",
    origin="the first article's reused error, without a handler; pyserial 3.4 and pickledb 0.9.2 raised such objects",
    reused={"unhandled.connection_lost": connection_lost},
    running=logged_once,
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
