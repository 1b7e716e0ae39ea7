"""The second harm: a reused exception that is logged with its traceback, which is longer each time."""

from __future__ import annotations

import logging
from dataclasses import replace

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Range, Twin, Variant


class CardDeclined(Exception):
    """The bank says no."""


card_declined = CardDeclined("The bank says no.")


class Nowhere(logging.Handler):
    """Formats each record, as every handler does, and keeps its length alone: no log can fill the disk."""

    written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record."""
        self.written = len(self.format(record))


nowhere = Nowhere()
logger = logging.Logger("payments")  # noqa: LOG001 - outside of the process's tree, so no other handler hears of it
logger.addHandler(nowhere)


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


TWO_ENTRIES_LOGGED = Range(150, 700)
"""Bytes that two entries add to a record: two lines of code, and twice the path of this file."""

TWIN = Twin(
    slug="logged",
    title="A reused exception, logged with `logger.exception`",
    origin="the second harm: formatting 10,000 entries takes about a second and writes 1.5 MB",
    requests=400,  # each formats the entries of all before it
    reused={"logged.card_declined": card_declined},
    variants=(
        Variant(
            "reused",
            reused,
            replace(TWO_ENTRIES, log_bytes_added_per_request=TWO_ENTRIES_LOGGED),
            "Each record holds the traceback of all requests before: latency and log volume grow with every one.",
            with_callers=replace(TWO_ENTRIES_WITH_CALLERS, log_bytes_added_per_request=TWO_ENTRIES_LOGGED),
        ),
        Variant("factory", factory, FLAT, "Each record is as long as the first."),
    ),
)
