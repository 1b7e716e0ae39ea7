"""A list of the last errors, for a status page."""

from __future__ import annotations

from collections import deque

from service.context import request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Expected, Range, Twin, Variant
from service.twins.endpoints import calls

SHOWN = 20
"""How many errors the status page shows."""


class Timeout(Exception):
    """Another service did not respond in time."""


all_errors: list[Timeout] = []
last_errors: deque[Timeout] = deque(maxlen=SHOWN)
bare_errors: list[Timeout] = []


def ask(context_kb: int) -> None:
    """Call another service, and time out."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real caller's data would be
    raise Timeout


def keep_all(context_kb: int) -> None:
    """Call the other service, and append the error to a list."""
    try:
        ask(context_kb)
    except Timeout as error:
        all_errors.append(error)  # leaks: each error is a new object, and each retains its frames


def keep_last(context_kb: int) -> None:
    """Call the other service, and append the error to a list that drops its oldest."""
    try:
        ask(context_kb)
    except Timeout as error:
        last_errors.append(error)


def keep_bare(context_kb: int) -> None:
    """Call the other service, and append the error without its traceback to a list."""
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
    origin="real software: results and histories that hold exceptions, as in celery#9799 and aiohttp#10556",
    leaky="unbounded",
    fixed="bounded",
    forget=forget,
    variants=(
        Variant(
            "unbounded",
            calls(keep_all),
            TWO_ENTRIES,
            "No object is raised twice, but the list retains each one, with its traceback, its frames and the context.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant("bounded", calls(keep_last), FLAT, f"The list holds only the last {SHOWN} errors."),
        Variant(
            "cleared",
            calls(keep_bare),
            Expected(bytes_per_request=Range(90, 150)),
            "The list still grows, but only by the exception itself: less than a hundredth of the bytes.",
        ),
    ),
)
