"""How our commands end at SIGINT and SIGTERM: quietly, with the status that a shell reports for them.

Imported before anything else, so it imports next to nothing. Until Python runs our first line, Python decides.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""


def end_at_once() -> None:
    """End at a signal without unwinding, while modules are imported: nothing runs yet, and no module prints why."""
    _handle(lambda number, _: os._exit(SIGNALLED + number))


def end_in_order() -> None:
    """End at the first signal by `SystemExit`, so that all that runs is stopped; later ones do not cut that short."""

    def end(number: int, _: FrameType | None) -> None:
        ignore()
        raise SystemExit(SIGNALLED + number)

    _handle(end)


@contextmanager
def interrupt_once() -> Iterator[None]:
    """Make the first SIGINT or SIGTERM a `KeyboardInterrupt` with its number; later ones cut no clean-up short."""

    def handle(number: int, _: FrameType | None) -> None:
        ignore()
        raise KeyboardInterrupt(number)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        ignore()


def ignore() -> None:
    """Ignore signals from now on: the clean-up is under way, or the exit status is decided."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _handle(handler: Callable[[int, FrameType | None], object]) -> None:
    """Set the handler, but not for what our parent had us ignore, as `nohup` does, and a shell before `&`."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
