"""How a long measurement runs: it reports its progress, and an interrupt leaves what was measured."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from sadpath import interrupts
from sadpath.errors import CommandError, Status

INTERRUPTED = 128 + signal.SIGINT

Say = Callable[[str], None]


def progress(console: Console) -> Say:
    """Return what prints one line with the seconds since now."""
    began = time.monotonic()
    return lambda line: console.print(f"{time.monotonic() - began:4.0f} s  {line}", soft_wrap=True, highlight=False)


@contextmanager
def interrupt_once() -> Iterator[None]:
    """Make the first SIGINT or SIGTERM a `KeyboardInterrupt` with its number; later ones cut no clean-up short."""

    def handle(number: int, _: FrameType | None) -> None:
        interrupts.ignore()
        raise KeyboardInterrupt(number)

    for number in interrupts.SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        interrupts.ignore()


def run_measurement(name: str, work: Callable[[Path], None], console: Console) -> int:
    """Do `work` in a folder that is removed afterwards, and return the exit status of the command of this `name`.

    An interrupt or an error ends the work, and not the command: what was measured until then can still be reported.
    """
    try:
        with interrupt_once(), tempfile.TemporaryDirectory(prefix=f"sadpath-{name}-") as folder:
            work(Path(folder))
    except KeyboardInterrupt:
        console.print("Stopped; what was measured is below.")
        return INTERRUPTED
    except (CommandError, OSError) as reason:
        return show_error(name, reason)
    return Status.OK


def wrong_command(reason: str) -> CommandError:
    """Return the error for something that cannot be done; the reason ends with what to type instead."""
    return CommandError(reason, Status.WRONG_COMMAND)


def show_error(name: str, reason: Exception) -> int:
    """Print the reason to standard error, in one line after the name of the command, and return the exit status."""
    sys.stderr.write(f"{name}: {reason}\n")
    return reason.exit_code if isinstance(reason, CommandError) else Status.FAILED
