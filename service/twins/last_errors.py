"""A list of the last errors, for a status page."""

from __future__ import annotations

from collections import deque

from service.context import request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Expected, Range, Twin, Variant
from service.twins.endpoints import calls

SHOWN = 20
"""Errors that the status page shows."""


class Timeout(Exception):
    """A neighbour did not answer in time."""


all_errors: list[Timeout] = []
last_errors: deque[Timeout] = deque(maxlen=SHOWN)
bare_errors: list[Timeout] = []


def ask(context_kb: int) -> None:
    """Ask a neighbour that does not answer."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real caller's data would be
    raise Timeout


def keep_all(context_kb: int) -> None:
    """Ask, and note the error."""
    try:
        ask(context_kb)
    except Timeout as error:
        all_errors.append(error)  # leaks: each is a fresh object, and each keeps its frames


def keep_last(context_kb: int) -> None:
    """Ask, and note the error in place of the oldest."""
    try:
        ask(context_kb)
    except Timeout as error:
        last_errors.append(error)


def keep_bare(context_kb: int) -> None:
    """Ask, and note the error without its traceback."""
    try:
        ask(context_kb)
    except Timeout as error:
        bare_errors.append(error.with_traceback(None))


def forget() -> None:
    """Empty all lists."""
    all_errors.clear()
    last_errors.clear()
    bare_errors.clear()


TWIN = Twin(
    slug="last-errors",
    title="A list of the last errors",
    origin="real software: exceptions kept on results and in histories, as in celery#9799 and aiohttp#10556",
    leaky="unbounded",
    fixed="bounded",
    forget=forget,
    variants=(
        Variant(
            "unbounded",
            calls(keep_all),
            TWO_ENTRIES,
            "No object is raised twice, but each is kept, with its traceback, its frames and their context.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant("bounded", calls(keep_last), FLAT, f"The {SHOWN} last are kept, and no more."),
        Variant(
            "cleared",
            calls(keep_bare),
            Expected(bytes_per_request=Range(90, 150)),
            "Without tracebacks an unbounded list grows by the exception alone: less than a hundredth.",
        ),
    ),
)
