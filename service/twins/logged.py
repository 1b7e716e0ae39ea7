"""The second harm: a reused exception that is logged with its traceback, which is longer each time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant, exactly


class CardDeclined(Exception):
    """The bank says no."""


card_declined = CardDeclined("The bank says no.")
logger = logging.getLogger("service.twins.logged")


class Nowhere(logging.Handler):
    """Formats each record, as every handler does, and keeps its length alone: no log can fill the disk."""

    written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record."""
        self.written = len(self.format(record))


nowhere = Nowhere()


@contextmanager
def logging_nowhere() -> Iterator[None]:
    """Send what this twin logs nowhere, and to no other handler."""
    logger.addHandler(nowhere)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(nowhere)
        logger.propagate = True


def pay_reused(context_kb: int) -> None:
    """Pay nothing, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real payment's data would be
    raise card_declined  # leaks, and every line of its traceback is logged again with the next


def pay_factory(context_kb: int) -> None:
    """Pay nothing, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise CardDeclined("The bank says no.")


async def reused(context_kb: ContextKb) -> dict[str, int]:
    """Pay, and log what went wrong."""
    try:
        pay_reused(context_kb)
    except CardDeclined:
        logger.exception("payment failed")
    return {"log_bytes": nowhere.written}


async def factory(context_kb: ContextKb) -> dict[str, int]:
    """Pay, and log what went wrong."""
    try:
        pay_factory(context_kb)
    except CardDeclined:
        logger.exception("payment failed")
    return {"log_bytes": nowhere.written}


TWIN = Twin(
    slug="logged",
    title="A reused exception, logged with `logger.exception`",
    origin="the second harm: formatting 10,000 entries takes about a second and writes 1.5 MB",
    requests=400,  # each formats the entries of all before it
    reused={"logged.card_declined": card_declined},
    running=logging_nowhere,
    variants=(
        Variant(
            "reused",
            reused,
            Expected(exactly(2), Range(16_500, 50_000), log_bytes_added_per_request=Range(150, 600)),  # with two paths
            "Each record holds the traceback of all requests before: latency and log volume grow with every one.",
        ),
        Variant("factory", factory, FLAT, "Each record is as long as the first."),
    ),
)
