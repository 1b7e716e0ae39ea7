"""Errors for the person at the terminal, and the exit statuses of our commands."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum, unique
from pathlib import Path
from typing import IO


@unique
class Status(IntEnum):
    """What an exit status means, for every command of the instrument and of the lab."""

    OK = 0
    LEAKS = 1
    """A service leaks; of the lab's commands: something is not as expected."""
    WRONG_COMMAND = 2
    INCONCLUSIVE = 3
    FAILED = 4
    """Something did not start, did not answer, or died; or a file could not be written."""
    UNEXPECTED_ANSWERS = 5
    """Of Locust with the lab's locustfile: most requests to an arm were not answered as the twin expects."""


class CommandError(Exception):
    """What was wrong, where, and what to type next, in one line; it is shown without a traceback.

    It has the interface of `click.ClickException`, but is not one: Typer has its own copy of click and would not catch
    it, and parts of this package that raise it work without either.
    """

    def __init__(self, message: str, status: Status = Status.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = int(status)

    def format_message(self) -> str:
        """Return the line."""
        return self.message

    def show(self, file: IO[str] | None = None, command: str = "sadpath") -> None:
        """Print the line, to standard error by default, after the name of the command that was typed."""
        out = file or sys.stderr
        if out:  # Python has none where it was closed
            with contextlib.suppress(OSError):  # nobody can be told that the line itself was not written
                out.write(f"{command}: {self.message}\n")


def in_words(error: OSError) -> str:
    """Return what the system refused, and of which file where it says so, in one line."""
    return ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)


@contextlib.contextmanager
def writing_to(place: Path) -> Iterator[None]:
    """Make what the system refuses in this block a `CommandError` that names the place."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"cannot write to {place}: {error.strerror or error}") from error


def exit_status(command: str, work: Callable[[], object]) -> int:
    """Do the work of a command, and return its exit status; what fails is one line after its name, not a traceback.

    A reader of our output that went away is not told: nobody is there to read the line.
    """
    _open_what_was_closed()
    try:
        work()
    except CommandError as error:
        error.show(command=command)
        return error.exit_code
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            return int(end.code or 0)
        _drop_output()  # Typer and rich end with 1 then, which is a verdict
    except OSError as error:
        _drop_output()
        if not isinstance(error, BrokenPipeError):
            CommandError(in_words(error)).show(command=command)
    else:
        return int(Status.OK)
    return int(Status.FAILED)


def _open_what_was_closed() -> None:
    """Let the numbers of the standard streams be taken: else a library's own pipe gets one, and others write to it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free


def _drop_output() -> None:
    """Let nothing be left that Python could not write at its end either: it would end with 120, and a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
