"""Errors for the person at the terminal, and the exit statuses of our commands."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click


class Status(IntEnum):
    """What an exit status means, for every command of the instrument and of the lab."""

    OK = 0
    LEAKS = 1
    """A service leaks; of the lab's commands: something is not as expected."""
    WRONG_COMMAND = 2
    INCONCLUSIVE = 3
    FAILED = 4
    """Something did not start, did not answer, or died; or a file could not be written."""


class CommandError(click.ClickException):
    """What was wrong, where, and what to type next, in one line; it is shown without a traceback."""

    def __init__(self, message: str, status: Status = Status.FAILED) -> None:
        super().__init__(message)
        self.exit_code = int(status)  # type: ignore[misc]  # click documents it for instances too

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to standard error, after the name of the command that was typed."""
        context = click.get_current_context(silent=True)
        name = context.find_root().info_name if context else None
        click.echo(f"{name or 'sadpath'}: {self.format_message()}", file=file, err=True)
