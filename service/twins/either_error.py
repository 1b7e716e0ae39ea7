"""`error = A() or B(); raise error`: a name for what is raised, in the frame that raises it: a cycle."""

from __future__ import annotations

from service.context import request_context
from service.twins.catalogue import CYCLE, CYCLE_WITH_CALLERS, FLAT, Twin, Variant
from service.twins.endpoints import calls


class Malformed(Exception):
    """The document cannot be parsed."""


class Missing(Exception):
    """There is no document."""


def parse(context_kb: int) -> None:
    """Parse nothing, and raise whichever error fits."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real parser's data would be
    error = Malformed() or Missing()  # type: ignore[truthy-bool]  # as it was written
    raise error  # leaks: this frame passes it, and keeps it as `error`


def parse_and_delete(context_kb: int) -> None:
    """Parse nothing, raise whichever error fits, and keep no name for it."""
    context = request_context(context_kb)  # noqa: F841
    error = Malformed() or Missing()  # type: ignore[truthy-bool]
    try:
        raise error
    finally:
        del error


TWIN = Twin(
    slug="either-error",
    title="`ex = A() or B(); raise ex`",
    origin="the second article; pyvmomi#812 raised an object that a local held",
    leaky="kept",
    fixed="deleted",
    variants=(
        Variant(
            "kept",
            calls(parse, Malformed, Missing),
            CYCLE,
            "The frame that raises has a name for the exception, so each holds the other.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "deleted",
            calls(parse_and_delete, Malformed, Missing),
            FLAT,
            "`finally: del error` runs as the exception leaves.",
        ),
    ),
)
