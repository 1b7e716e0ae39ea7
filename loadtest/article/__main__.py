"""The first article's experiment, again: what one exception object keeps of 1,000 raises, and what a factory keeps.

python -m loadtest.article --raises 200
"""

from __future__ import annotations

import json
import platform
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from loadtest.article import table
from loadtest.article.charts import PICTURES, pictures
from loadtest.article.experiment import (
    SAMPLES,
    CannotMeasure,
    Plan,
    check_memory,
    prepare,
    run_all,
    start_in,
)
from loadtest.article.figures import ARTICLE, ARTICLE_RAISES, MB, Results, complete, read_runs, results
from loadtest.demo import interrupt_once
from loadtest.free_memory import free_bytes
from sadpath.plugins.prometheus import environment

TABLE, FIGURES = "table.md", "figures.json"
WRITTEN = (*PICTURES, TABLE, FIGURES)
FAILED, INTERRUPTED = 4, 128 + signal.SIGINT


def main(
    raises: Annotated[int, typer.Option(min=1, max=100_000, help="of each style, in each run")] = ARTICLE_RAISES,
    context_bytes: Annotated[int, typer.Option(min=1, max=10_000_000, help="that each request holds")] = 500_000,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="runs of each style, each in a fresh process")] = 5,
    reports: Annotated[Path, typer.Option(help="the folder that all is written to")] = Path("reports/article"),
) -> None:
    """Measure what one exception object keeps of all its raises, and what a factory keeps. Takes about ten seconds.

    Each run is a fresh process that raises in one style: `singleton`, one object again and again, or `factory`, a fresh
    one each time. Each style runs in two contexts: `held`, where a local of the frame that raises holds the bytes, and
    `bare`, where they are in no frame that the traceback keeps. Memory is settled, and the process's own.

    It leaves three pictures, table.md, figures.json, and samples.csv, which is written as the samples come. Memory: the
    largest run keeps --raises times --context-bytes, 500 MB unless you say; it is checked first that so much is free,
    and a process that takes more ends itself.

    Exit status: 0 it was measured · 2 the command is wrong · 4 it cannot begin, or a run did not come to its end ·
    130 it was interrupted. Whatever was measured until then is in the folder.
    """
    plan, console = Plan(raises, context_bytes, rounds, reports), Console()
    try:
        check_memory(plan, free_bytes())
        prepare(plan, WRITTEN)
    except CannotMeasure as reason:
        sys.stderr.write(f"figures: {reason}\n")
        raise typer.Exit(FAILED) from None
    status = measure(plan, console)
    report(plan, console)
    raise typer.Exit(status)


def measure(plan: Plan, console: Console) -> int:
    """Run all processes, with a line for each that ended, and return the exit status."""
    try:
        with interrupt_once():
            for job in run_all(plan, start_in(plan.reports)):
                _, grown = read_runs(plan.reports / SAMPLES)[-1].grown[-1]
                console.print(f"{job} of {plan.rounds}: {grown / MB:+8,.2f} MB", highlight=False)
    except KeyboardInterrupt:
        console.print("Stopped; what was measured is below.")
        return INTERRUPTED
    except CannotMeasure as reason:
        sys.stderr.write(f"figures: {reason}\n")
        return FAILED
    return 0


def report(plan: Plan, console: Console) -> None:
    """Print the table of the runs that are complete, and write it, the figures and the pictures."""
    runs = complete(read_runs(plan.reports / SAMPLES), plan.raises)
    found, size = results(runs), plan.context_bytes
    named = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    below = "\n\n".join(filter(None, [table.explanation(found, size), table.notes(found, named)]))
    files: dict[str, bytes] = {
        TABLE: table.as_markdown(found, plan.raises, size, below).encode(),
        FIGURES: (json.dumps(for_programs(plan, found), indent=2) + "\n").encode(),
        **pictures(runs, found, f"{size:,} bytes of context; {named}"),
    }
    for name, content in files.items():
        (plan.reports / name).write_bytes(content)
    console.print(table.for_terminal(found, plan.raises, size, below))
    console.print(f"In {plan.reports}: {', '.join([*files, SAMPLES])}", soft_wrap=True, highlight=False)


def for_programs(plan: Plan, found: Results) -> dict[str, Any]:
    """Return `figures.json`."""
    ours: dict[str, dict[str, Any]] = {}
    for (context, style), figures in found.items():
        ours.setdefault(context, {})[style] = asdict(figures)
    asked = {"raises": plan.raises, "context_bytes": plan.context_bytes, "rounds": plan.rounds}
    article = {style: asdict(theirs) for style, theirs in ARTICLE.items()}
    return {"schema": 1, "environment": environment(), **asked, "article": article, "ours": ours}


if __name__ == "__main__":
    typer.run(main)
