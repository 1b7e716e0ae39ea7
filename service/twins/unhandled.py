"""A reused error that nobody handles: the framework answers 500, and the server would log each with its traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant


class ConnectionLost(Exception):
    """The database is gone."""


connection_lost = ConnectionLost("The database is gone.")


def query_reused(context_kb: int) -> str:
    """Ask a database that is gone, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise connection_lost  # leaks: every frame down to the server's stays


def query_factory(context_kb: int) -> str:
    """Ask a database that is gone, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise ConnectionLost("The database is gone.")


async def reused(context_kb: ContextKb) -> str:
    """Ask; nobody handles the error."""
    return query_reused(context_kb)


async def factory(context_kb: ContextKb) -> str:
    """Ask; nobody handles the error."""
    return query_factory(context_kb)


@contextmanager
def logged_once() -> Iterator[None]:
    """Have the server log the first of these errors alone: a log that grows with each would soon fill the disk."""
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
    title="A reused error that nobody handles: a 500",
    origin="the first article's singleton, without a handler; pyserial 3.4 and pickledb 0.9.2 raised such constants",
    reused={"unhandled.connection_lost": connection_lost},
    running=logged_once,
    variants=(
        Variant(
            "reused",
            reused,
            Expected(Range(22, 27), Range(31_000, 46_000)),
            "The framework answers, raises the error on to the server, and clears nothing.",
            status=500,
        ),
        Variant("factory", factory, FLAT, "The server lets go of the object when it has answered.", status=500),
    ),
)
