"""The commands of `python -m experiments`, and what they share: an error is one line, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from experiments.article.figures import figures
from experiments.calibration import calibrate
from experiments.compare.bench import bench
from experiments.compare.cost import cost
from experiments.twins.matrix import matrix
from experiments.twins.truth import truth
from sadpath.errors import exit_status


def _end(status: int) -> None:
    raise typer.Exit(status)


app = typer.Typer(
    help="Measure what the instrument finds in the lab, how often it is right, and what it costs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    result_callback=_end,
)
for command in (truth, matrix, bench, cost, calibrate, figures):
    app.command()(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit status. Whatever fails is one line after the name of the command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in words if not word.startswith("-")), "experiments")
    return exit_status(name, lambda: app(words, prog_name="python -m experiments"))
