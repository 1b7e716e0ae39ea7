"""A command line of ours, of the instrument or of the lab: short help, no traceback, one line for what fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

import typer

from sadpath.errors import exit_status


def new_app() -> typer.Typer:
    """Return a command line without commands. What a command returns is its exit status; None is 0."""
    return typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        result_callback=_end,
    )


def runner(package: str, about: str, commands: Iterable[Callable[..., int]]) -> Callable[..., int]:
    """Return what runs `python -m package COMMAND …`, by default what was typed, and returns its exit status.

    Whatever fails is one line after the name of the command.
    """
    app = new_app()
    app.callback(help=about)(lambda: None)
    for command in commands:
        app.command()(command)

    def run(arguments: Sequence[str] | None = None) -> int:
        words = list(sys.argv[1:] if arguments is None else arguments)
        name = next((word for word in words if not word.startswith("-")), package)
        return exit_status(name, lambda: app(words, prog_name=f"python -m {package}"))

    return run


def _end(status: int | None) -> None:
    """End with the exit status that a command returned."""
    raise typer.Exit(status or 0)
