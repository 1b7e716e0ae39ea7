"""How our commands end at SIGINT, SIGTERM and SIGHUP: quietly, with the status that a shell reports for them.

Imported before anything else, so it imports next to nothing. Until Python runs our first line, Python decides.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

UNLESS_NOHUP = () if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else (signal.SIGHUP,)
SIGNALS = (signal.SIGINT, signal.SIGTERM, *UNLESS_NOHUP)
"""What asks us to end. SIGQUIT is for those who want no clean-up of ours: what we started ends all the same."""

SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""

_TERMINALS = [stream for stream in range(3) if os.isatty(stream)]


def end_at_once() -> None:
    """End at a signal without unwinding, while modules are imported: nothing runs yet, and no module prints why."""
    _handle(lambda number, _: os._exit(SIGNALLED + number))


def end_in_order() -> None:
    """End at the first signal by `SystemExit`, so that all that runs is stopped; later ones do not cut that short."""

    def end(number: int, _: FrameType | None) -> None:
        _begin_to_end()
        raise SystemExit(SIGNALLED + number)

    _handle(end)


@contextmanager
def interrupt_once() -> Iterator[None]:
    """Make the first of these signals a `KeyboardInterrupt` with its number; later ones cut no clean-up short."""

    def handle(number: int, _: FrameType | None) -> None:
        _begin_to_end()
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


def _begin_to_end() -> None:
    """Let nothing cut the clean-up short: neither another signal nor a write to a terminal that was closed (EIO)."""
    ignore()
    for stream in _TERMINALS:
        if not os.isatty(stream):
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, stream)
            os.close(nowhere)


def _handle(handler: Callable[[int, FrameType | None], object]) -> None:
    """Set the handler, but not for what our parent had us ignore, as `nohup` does, and a shell before `&`."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
