"""An exception as control flow: one `Done` object that ends a loop."""

from __future__ import annotations

from service.context import request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Twin, Variant
from service.twins.endpoints import calls


class Done(Exception):
    """The loop has no more steps."""


done = Done()


def step_reused(context_kb: int) -> None:
    """Find no more steps, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real step's data would be
    raise done  # leaks, and is easy to miss, since nobody regards `done` as an error


def step_factory(context_kb: int) -> None:
    """Find no more steps, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise Done


def loop_reused(context_kb: int) -> None:
    """Take steps until one raises `Done`."""
    try:
        while True:
            step_reused(context_kb)
    except Done:
        pass


def loop_factory(context_kb: int) -> None:
    """Take steps until one raises `Done`."""
    try:
        while True:
            step_factory(context_kb)
    except Done:
        pass


TWIN = Twin(
    slug="control-flow",
    title="Control flow: one `Done` object that ends a loop",
    origin="the first article's reused exception, used as a signal; ipython#8017 raised one object repeatedly",
    reused={"control_flow.done": done},
    variants=(
        Variant(
            "reused",
            calls(loop_reused),
            TWO_ENTRIES,
            "A sentinel is safe to compare with, but not to raise: each raise adds two entries.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant("factory", calls(loop_factory), FLAT, "`raise Done` constructs a new object each time."),
    ),
)
