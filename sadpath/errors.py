"""Errors for the person at the terminal, and the exit statuses of our commands."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum, unique
from pathlib import Path
from typing import IO

from sadpath.text import terminal, visible


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
    FAULT = 70
    """Sadpath itself is at fault; a file has the traceback. The number is `EX_SOFTWARE` of sysexits.h."""


class CommandError(Exception):
    """What was wrong, where, and what to type next, in one line; it is shown without a traceback.

    Lines `below` it have what one may choose from.

    It has the interface of `click.ClickException`, but is not one: Typer has its own copy of click and would not catch
    it, and parts of this package that raise it work without either.
    """

    def __init__(self, message: str, status: Status = Status.FAILED, below: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message, self.below = message, below
        self.exit_code = int(status)

    def format_message(self) -> str:
        """Return the line, as it can stand in a terminal or a log, and those below it."""
        return "\n".join(map(terminal, (self.message, *self.below)))

    def show(self, file: IO[str] | None = None, command: str = "sadpath") -> None:
        """Print the line, to standard error by default, after the name of the command that was typed."""
        out = file or sys.stderr
        if out:  # Python has none where it was closed
            with contextlib.suppress(OSError):  # nobody can be told that the line itself was not written
                out.write(f"{terminal(command)}: {self.format_message()}\n")


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

    What nobody foresaw is `Status.FAULT`. A reader of our output that went away is not told: nobody is there to read
    the line.
    """
    _open_what_was_closed()
    _write_whatever_comes()
    try:
        work()
    except CommandError as error:
        return _told(error, command)
    except SystemExit as end:
        return _ended(end, command)
    except BrokenPipeError:
        return _unread()
    except OSError as error:
        _drop_output()
        return _told(CommandError(in_words(error)), command)
    except Exception as error:  # noqa: BLE001 - the one place for what nobody foresaw
        return _told(fault(error), command)
    return int(Status.OK)


def _told(error: CommandError, command: str) -> int:
    error.show(command=command)
    return error.exit_code


def _ended(end: SystemExit, command: str) -> int:
    """Return the status of an end, unless Typer or rich made one of an error: their 1 would be a verdict."""
    reason = end.__context__
    if isinstance(reason, BrokenPipeError):
        return _unread()
    if reason and isinstance(reason.__cause__, EOFError):
        return _told(fault(reason.__cause__), command)
    if isinstance(end.code, str):
        return _told(CommandError(end.code), command)
    return int(end.code or 0)


def _unread() -> int:
    _drop_output()
    return int(Status.FAILED)


def fault(error: BaseException) -> CommandError:
    """Return the line for an error that nobody foresaw, once its traceback is in a new file, to be reported with.

    Where that cannot be written, the traceback is on standard error.
    """
    from sadpath.fault import described, kept, without_secrets  # noqa: PLC0415 - mostly not needed

    report = described(error)
    what = ": ".join(filter(None, [type(error).__name__, visible(without_secrets(str(error)), most=300)]))
    try:
        where = str(kept(report))
    except OSError:
        sys.stderr.write(report)
        where = "the traceback above"
    return CommandError(f"this is a fault of Sadpath: {what}; please report it with {where}", Status.FAULT)


def _open_what_was_closed() -> None:
    """Let the numbers of the standard streams be taken: else a library's own pipe gets one, and others write to it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # Python has none where it was closed
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - till we end


def _write_whatever_comes() -> None:
    """Let what a stream's encoding lacks be written as an escape, whatever the locale is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Let nothing be left that Python could not write at its end either: it would end with 120, and a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
