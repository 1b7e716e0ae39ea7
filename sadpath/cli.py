"""The command line: `sadpath check`, `sadpath init` and `sadpath report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sadpath
from sadpath.check.cli import CHECK_HELP, INIT_HELP, check, write_settings
from sadpath.command_line import new_app
from sadpath.errors import CommandError, Status, writing_to
from sadpath.text import terminal
from sadpath.watch.report import PAGE, SAMPLES, Run, write_report
from sadpath.watch.report.junit import write_junit
from sadpath.watch.report.summary import verdict_lines

app = new_app()

REPORT_HELP = """Judge the samples of a run again and write its report beside them.

FOLDER is where `make demo`, or Locust with the plugin, left samples.csv. The run may have been killed: all samples that
are on disk count. Writes summary.json, memory.png and report.html there, and prints the verdict of each arm.

Exit status: 0 flat, 1 an arm leaks, 2 the command is wrong, 3 inconclusive, 4 a file cannot be written: as Locust with
the plugin, while `make demo` ends with 0 where each arm does what is expected of it.

\b
Examples:
  sadpath report reports/demo
  sadpath report reports/locust --junit reports/junit.xml
"""


@app.callback(invoke_without_command=True)
def sadpath_command(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Find the error paths of a web service that leak memory, by how much, and which exception object is to blame."""
    if version:
        typer.echo(sadpath.__version__)
        raise typer.Exit


@app.command(help=REPORT_HELP)
def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a run, such as reports/demo.")],
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write JUnit XML: one test case per arm.")
    ] = None,
) -> None:
    """Judge the samples of a run again and write its report beside them."""
    run = _written(folder)
    if junit:
        with writing_to(junit):
            write_junit(junit, run)
    for line in verdict_lines(run):
        typer.echo(line)
    typer.echo(terminal(f"report: {folder / PAGE}"), err=True)
    raise typer.Exit(run.status)


app.command(name="check", help=CHECK_HELP)(check)
app.command(name="init", help=INIT_HELP)(write_settings)


def _written(folder: Path) -> Run:
    if not (folder / SAMPLES).is_file():
        raise CommandError(
            f"no {SAMPLES} in {folder}; name the folder of a run, such as reports/demo", Status.WRONG_COMMAND
        )
    try:
        with writing_to(folder):
            return write_report(folder)
    except ValueError as reason:
        raise CommandError(str(reason), Status.WRONG_COMMAND) from None
