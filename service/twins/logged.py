"""The latency cost: a reused exception that is logged with its traceback, which is longer each time."""

from __future__ import annotations

import logging
from dataclasses import replace

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Range, Twin, Variant


class CardDeclined(Exception):
    """The bank declines the payment."""


card_declined = CardDeclined("The bank declines the payment.")


class Nowhere(logging.Handler):
    """Formats each record, as every handler does, but stores only its length, so that no log fills the disk."""

    written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record."""
        self.written = len(self.format(record))


nowhere = Nowhere()
logger = logging.Logger("payments")  # noqa: LOG001 - outside the tree of loggers, so no other handler gets it
logger.addHandler(nowhere)


def pay_reused(context_kb: int) -> None:
    """Pay nothing, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real payment's data would be
    raise card_declined  # leaks, and each record logs all its earlier entries again


def pay_factory(context_kb: int) -> None:
    """Pay nothing, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise CardDeclined("The bank declines the payment.")


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


TWO_ENTRIES_LOGGED = Range(150, 700)
"""Bytes that two entries add to a log record: two lines of code, and the path of this file twice."""

TWIN = Twin(
    slug="logged",
    title="A reused exception, logged with `logger.exception`",
    origin="the latency cost: formatting 10,000 entries takes about a second and writes 1.5 MB",
    requests=400,  # each request formats the entries of all earlier ones
    reused={"logged.card_declined": card_declined},
    variants=(
        Variant(
            "reused",
            reused,
            replace(TWO_ENTRIES, log_bytes_added_per_request=TWO_ENTRIES_LOGGED),
            "Each log record contains the entries of all earlier requests, so latency and log volume grow with every "
            "request.",
            with_callers=replace(TWO_ENTRIES_WITH_CALLERS, log_bytes_added_per_request=TWO_ENTRIES_LOGGED),
        ),
        Variant("factory", factory, FLAT, "Each log record is as long as the first."),
    ),
)
