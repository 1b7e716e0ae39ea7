"""An exception as control flow: one `Done` object that ends a loop."""

from __future__ import annotations

from service.context import request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Twin, Variant
from service.twins.endpoints import calls


class Done(Exception):
    """There is nothing left to do."""


done = Done()


def step_reused(context_kb: int) -> None:
    """Find nothing left to do, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real step's data would be
    raise done  # leaks: it is no error, so nobody looks for it among the errors


def step_factory(context_kb: int) -> None:
    """Find nothing left to do, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise Done


def loop_reused(context_kb: int) -> None:
    """Take steps until one says that it is done."""
    try:
        while True:
            step_reused(context_kb)
    except Done:
        pass


def loop_factory(context_kb: int) -> None:
    """Take steps until one says that it is done."""
    try:
        while True:
            step_factory(context_kb)
    except Done:
        pass


TWIN = Twin(
    slug="control-flow",
    title="Control flow: one `Done` object that ends a loop",
    origin="the first article's singleton, where nobody thinks of errors; ipython#8017 raised one object again",
    reused={"control_flow.done": done},
    variants=(
        Variant(
            "reused",
            calls(loop_reused),
            TWO_ENTRIES,
            "A sentinel is safe to compare with, and not to raise: each raise links two entries.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant("factory", calls(loop_factory), FLAT, "`raise Done` builds a fresh object each time."),
    ),
)
