"""`error = A() or B(); raise error`: a local of the frame that raises holds the exception, a reference cycle."""

from __future__ import annotations

from service.context import request_context
from service.twins.catalogue import CYCLE, CYCLE_WITH_CALLERS, FLAT, Twin, Variant
from service.twins.endpoints import calls


class Malformed(Exception):
    """The document cannot be parsed."""


class Missing(Exception):
    """The document is missing."""


def parse(context_kb: int) -> None:
    """Parse nothing, and raise whichever error fits."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real parser's data would be
    error = Malformed() or Missing()  # type: ignore[truthy-bool]  # as in the article
    raise error  # leaks: this frame is in the traceback of what its local `error` holds


def parse_and_delete(context_kb: int) -> None:
    """Parse nothing, raise whichever error fits, and delete the local."""
    context = request_context(context_kb)  # noqa: F841
    error = Malformed() or Missing()  # type: ignore[truthy-bool]
    try:
        raise error
    finally:
        del error


TWIN = Twin(
    slug="either-error",
    title="`ex = A() or B(); raise ex`",
    origin="the second article; in pyvmomi#812 a local held the exception that its frame raised",
    leaky="kept",
    fixed="deleted",
    variants=(
        Variant(
            "kept",
            calls(parse, Malformed, Missing),
            CYCLE,
            "A local of the frame that raises holds the exception, and the exception's traceback holds the frame.",
            with_callers=CYCLE_WITH_CALLERS,
        ),
        Variant(
            "deleted",
            calls(parse_and_delete, Malformed, Missing),
            FLAT,
            "`finally: del error` deletes the local as the exception leaves the function.",
        ),
    ),
)
