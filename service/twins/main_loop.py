"""The main loop of Python 2: it catches, goes on, and the last exception lingered. In Python 3 it does not."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from service.context import request_context
from service.twins.catalogue import FLAT, Twin, Variant
from service.twins.endpoints import calls_in_thread

worker = ThreadPoolExecutor(1, "main-loop")


class TurnFailed(Exception):
    """One turn of the loop did not work."""


class MainLoop:
    """A loop that survives its errors."""

    last_error: TurnFailed | None = None

    def step(self, context_kb: int) -> None:
        """Fail."""
        context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real step's data would be
        raise TurnFailed

    def turn(self, context_kb: int) -> None:
        """Take one step, and go on whatever comes of it."""
        try:
            self.step(context_kb)
        except TurnFailed:
            pass
        assert sys.exc_info() == (None, None, None)  # noqa: S101 - the claim; Python 2 kept the last one here

    def turn_and_keep(self, context_kb: int) -> None:
        """Take one step, and note what went wrong last."""
        try:
            self.step(context_kb)
        except TurnFailed as error:
            self.last_error = error  # keeps this turn's frames until the next turn
        assert sys.exc_info() == (None, None, None)  # noqa: S101

    def forget(self) -> None:
        """Let go of the last error."""
        self.last_error = None


loop = MainLoop()


def turn(context_kb: int) -> None:
    """Have the loop's thread take one turn."""
    worker.submit(loop.turn, context_kb).result()


def turn_and_keep(context_kb: int) -> None:
    """Have the loop's thread take one turn."""
    worker.submit(loop.turn_and_keep, context_kb).result()


TWIN = Twin(
    slug="main-loop",
    title="The main loop of Python 2, and the one that keeps `self.last_error`",
    origin="the second article: in Python 2 `sys.exc_info()` kept the last exception of a loop",
    leaky="last-error-kept",
    fixed="caught",
    forget=loop.forget,
    variants=(
        Variant(
            "caught",
            calls_in_thread(turn),
            FLAT,
            "`sys.exc_info()` is clear after an `except` clause in Python 3: flat, and nothing is left.",
        ),
        Variant(
            "last-error-kept",
            calls_in_thread(turn_and_keep),
            FLAT,
            "Each turn's error takes the place of the last one's: bounded, one turn's frames.",
        ),
    ),
)
