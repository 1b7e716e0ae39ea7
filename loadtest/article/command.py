"""`make figures`: the first article's experiment again, one exception object raised 1,000 times against a factory."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from loadtest.article import side_by_side
from loadtest.article.experiment import SAMPLES, Experiment, check_memory, prepare, run_all
from loadtest.article.pictures import PICTURES, pictures
from loadtest.article.style_figures import ARTICLE, ARTICLE_RAISES, MB, Results, complete, read_runs, results
from loadtest.measure.machine import free_bytes, machine_in_words
from loadtest.measure.running import run_measurement
from sadpath.export.collectors import environment

TABLE, FIGURES = "table.md", "figures.json"
WRITTEN = (*PICTURES, TABLE, FIGURES)


def figures(
    raises: Annotated[
        int, typer.Option(min=1, max=100_000, help="Raises of each style, in each run.")
    ] = ARTICLE_RAISES,
    context_bytes: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Bytes of context that each request holds.")
    ] = 500_000,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Runs of each style, each in a fresh process.")] = 5,
    reports: Annotated[Path, typer.Option(help="Folder for everything that is written.")] = Path("reports/article"),
) -> int:
    """Repeat the first article's experiment: table and pictures.

    It measures what one exception object retains of all its raises, against a factory, in about ten seconds. Each run
    is a fresh process that raises in one style: `singleton`, one object again and again, or `factory`, a fresh one each
    time. Each style runs in two contexts: `held`, where a local of the frame that raises holds the bytes, and `bare`,
    where they are in no frame that the traceback retains. Memory is anonymous memory, settled.

    It leaves three pictures, table.md, figures.json, and samples.csv, which is written as the samples come. The largest
    run retains --raises times --context-bytes, 500 MB by default; that much free memory is checked for first, and a
    process that takes more ends itself.

    Exit status: 0 it was measured, 2 the command is wrong, 4 it cannot begin, or a run did not come to its end, 130
    interrupted. Whatever was measured until then is in the folder.
    """
    plan, console = Experiment(raises, context_bytes, rounds, reports), Console(highlight=False)
    check_memory(plan, free_bytes())
    prepare(plan, WRITTEN)

    def work(_folder: Path) -> None:
        for job in run_all(plan):
            _, grown = read_runs(plan.reports / SAMPLES)[-1].grown[-1]
            console.print(f"{job} of {plan.rounds}: {grown / MB:+8,.2f} MB")

    status = run_measurement("figures", work, console)
    report(plan, console)
    return status


def report(plan: Experiment, console: Console) -> None:
    """Print the table of the runs that are complete, and write it, the figures and the pictures."""
    runs = complete(read_runs(plan.reports / SAMPLES), plan.raises)
    found, size = results(runs), plan.context_bytes
    named = f"Python {platform.python_version()}, {machine_in_words()}"
    below = "\n\n".join(filter(None, [side_by_side.explanation(found, size), side_by_side.notes(found, named)]))
    files: dict[str, bytes] = {
        TABLE: side_by_side.as_markdown(found, plan.raises, size, below).encode(),
        FIGURES: (json.dumps(for_programs(plan, found), indent=2) + "\n").encode(),
        **pictures(runs, found, f"{size:,} bytes of context; {named}"),
    }
    for name, content in files.items():
        (plan.reports / name).write_bytes(content)
    console.print(side_by_side.for_terminal(found, plan.raises, size, below))
    console.print(f"In {plan.reports}: {', '.join([*files, SAMPLES])}", soft_wrap=True, highlight=False)


def for_programs(plan: Experiment, found: Results) -> dict[str, Any]:
    """Return `figures.json`."""
    ours: dict[str, dict[str, Any]] = {}
    for (context, style), figures in found.items():
        ours.setdefault(context, {})[style] = asdict(figures)
    asked = {"raises": plan.raises, "context_bytes": plan.context_bytes, "rounds": plan.rounds}
    article = {style: asdict(theirs) for style, theirs in ARTICLE.items()}
    return {"schema": 1, "environment": environment(), **asked, "article": article, "ours": ours}
