"""The command line: `sadpath report FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import sadpath
from sadpath.report import PAGE, SAMPLES, write_report

USAGE = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def sadpath_command(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Tell which error paths of a service leak memory, by how much, and which exception object is to blame."""
    if version:
        typer.echo(sadpath.__version__)
        raise typer.Exit


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Where a run left its samples.csv, such as reports/demo.")],
) -> None:
    """Judge the samples of a run again, also of one that was killed, and write its report beside them."""
    try:
        run = write_report(folder)
    except FileNotFoundError:
        typer.echo(f"sadpath: there is no {SAMPLES} in {folder}; name the folder of a run", err=True)
        raise typer.Exit(USAGE) from None
    except ValueError as reason:
        typer.echo(f"sadpath: {reason}", err=True)
        raise typer.Exit(USAGE) from None
    for arm, verdict in run.verdicts.items():
        typer.echo(f"{arm} {verdict.sentence}")
    Console(stderr=True).print(f"The report: {folder / PAGE}", soft_wrap=True)


def main() -> None:
    """Run the command line."""
    app()
