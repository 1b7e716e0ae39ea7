"""A main loop that catches every error. Python 2 kept the last exception alive; Python 3 does not."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from service.context import request_context
from service.twins.catalogue import FLAT, Twin, Variant
from service.twins.endpoints import calls_in_thread

worker = ThreadPoolExecutor(1, "main-loop")


class TurnFailed(Exception):
    """One turn of the loop failed."""


class MainLoop:
    """A loop that continues after an error."""

    last_error: TurnFailed | None = None

    def step(self, context_kb: int) -> None:
        """Fail."""
        context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real step's data would be
        raise TurnFailed

    def turn(self, context_kb: int) -> None:
        """Take one step, and ignore its error."""
        try:
            self.step(context_kb)
        except TurnFailed:
            pass
        assert sys.exc_info() == (None, None, None)  # noqa: S101 - what this twin shows; Python 2 kept the last one

    def turn_and_keep(self, context_kb: int) -> None:
        """Take one step, and store its error."""
        try:
            self.step(context_kb)
        except TurnFailed as error:
            self.last_error = error  # retains this turn's frames until the next turn
        assert sys.exc_info() == (None, None, None)  # noqa: S101

    def forget(self) -> None:
        """Release the last error."""
        self.last_error = None


loop = MainLoop()


def turn(context_kb: int) -> None:
    """Take one turn in the loop's thread."""
    worker.submit(loop.turn, context_kb).result()


def turn_and_keep(context_kb: int) -> None:
    """Take one turn in the loop's thread."""
    worker.submit(loop.turn_and_keep, context_kb).result()


TWIN = Twin(
    slug="main-loop",
    title="A main loop of Python 2, and one that stores `self.last_error`",
    origin="the second article: in Python 2 `sys.exc_info()` kept the last exception of a loop",
    leaky="last-error-kept",
    fixed="caught",
    forget=loop.forget,
    variants=(
        Variant(
            "caught",
            calls_in_thread(turn),
            FLAT,
            "Python 3 clears `sys.exc_info()` after an `except` clause, so nothing is retained.",
            shown=MainLoop.turn,
        ),
        Variant(
            "last-error-kept",
            calls_in_thread(turn_and_keep),
            FLAT,
            "Each turn's error replaces the one before, so only one turn's frames are retained.",
            shown=MainLoop.turn_and_keep,
        ),
    ),
)
