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


def app_of(about: str, commands: Iterable[Callable[..., int]]) -> typer.Typer:
    """Return the command line of these commands, each with the name of its function."""
    app = new_app()
    app.callback(help=about)(lambda: None)
    for command in commands:
        app.command()(command)
    return app


def run_app(app: typer.Typer, package: str, arguments: Sequence[str] | None = None) -> int:
    """Run `python -m package ARGUMENTS`, by default what was typed, and return its exit status.

    Whatever fails is one line after the name of the command.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in words if not word.startswith("-")), package)
    return exit_status(name, lambda: app(words, prog_name=f"python -m {package}"))


def _end(status: int | None) -> None:
    """End with the exit status that a command returned."""
    raise typer.Exit(status or 0)
