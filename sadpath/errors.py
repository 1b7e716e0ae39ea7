"""Errors for the person at the terminal, and the exit statuses of our commands."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import IO


class Status(IntEnum):
    """What an exit status means, for every command of the instrument and of the lab."""

    OK = 0
    LEAKS = 1
    """A service leaks; of the lab's commands: something is not as expected."""
    WRONG_COMMAND = 2
    INCONCLUSIVE = 3
    FAILED = 4
    """Something did not start, did not answer, or died; or a file could not be written."""


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
        (file or sys.stderr).write(f"{command}: {self.message}\n")
