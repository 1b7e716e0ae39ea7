"""`make figures`: the first article's experiment again, one exception object raised 1,000 times against a factory."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from experiments.article.runs import (
    ARTICLE,
    ARTICLE_RAISES,
    COMPARISON,
    MB,
    PICTURE_OF,
    SAMPLES,
    Experiment,
    Results,
    Spread,
    complete,
    read_runs,
    results,
)
from experiments.article.styles import CONTEXTS, STYLES, Style
from experiments.measurement import free_bytes, machine_in_words, run_measurement, terminal_table
from experiments.pages import NONE, render, write_page
from sadpath.export.collectors import environment
from sadpath.files import write_json, write_whole

TABLE, FIGURES = "table.md", "figures.json"
WRITTEN = (*PICTURE_OF.values(), COMPARISON, TABLE, FIGURES)
MOST_WITH_DECIMALS = 100.0
"""Megabytes a second above which the article's three decimals would only be noise."""


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
    plan.check_memory(free_bytes())
    plan.prepare(WRITTEN)

    def work(_folder: Path) -> None:
        for job in plan.run():
            _, grown = read_runs(plan.reports / SAMPLES)[-1].grown[-1]
            console.print(f"{job} of {plan.rounds}: {grown / MB:+8,.2f} MB")

    status = run_measurement("figures", work, console)
    report(plan, console)
    return status


def report(plan: Experiment, console: Console) -> None:
    """Print the table of the runs that are complete, and write it, the figures and the pictures."""
    from experiments.article.pictures import pictures  # noqa: PLC0415 - a second that a wrong command need not take

    runs = complete(read_runs(plan.reports / SAMPLES), plan.raises)
    found, size = results(runs), plan.context_bytes
    named = f"Python {platform.python_version()}, {machine_in_words()}"
    below = "\n\n".join(filter(None, [explanation(found, size), notes(found, named)]))
    columns, lines = headings(size), rows(found, plan.raises)
    drawn = pictures(runs, found, f"{size:,} bytes of context; {named}")
    write_page(plan.reports / TABLE, render("article-table.md", columns=columns, lines=lines, below=below))
    write_json(plan.reports / FIGURES, for_programs(plan, found))
    for name, content in drawn.items():
        write_whole(plan.reports / name, content)
    console.print(terminal_table(columns, lines, below, names=("",)))
    console.print(f"In {plan.reports}: {', '.join([TABLE, FIGURES, *drawn, SAMPLES])}", soft_wrap=True, highlight=False)


def for_programs(plan: Experiment, found: Results) -> dict[str, Any]:
    """Return `figures.json`."""
    ours: dict[str, dict[str, Any]] = {}
    for (context, style), of_style in found.items():
        ours.setdefault(context, {})[style] = asdict(of_style)
    asked = {"raises": plan.raises, "context_bytes": plan.context_bytes, "rounds": plan.rounds}
    article = {style: asdict(theirs) for style, theirs in ARTICLE.items()}
    return {"schema": 1, "environment": environment(), **asked, "article": article, "ours": ours}


def headings(context_bytes: int) -> list[str]:
    """Return the columns: what is measured, the article's figure, and ours with the context held and without."""
    held = f"ours, {context_bytes:,} bytes held in a frame"
    return ["", "the article", held, "ours, bare traceback, no context held"]


def rows(found: Results, raises: int) -> list[list[str]]:
    """Return the figures of both styles as text; an unknown one is a dash."""
    return [row for style in STYLES for row in _rows_of_style(style, found, raises)]


def _rows_of_style(style: Style, found: Results, raises: int) -> list[list[str]]:
    article, after = ARTICLE[style], "" if raises == ARTICLE_RAISES else f" after {ARTICLE_RAISES:,}"
    growth = NONE if article.growth_mb is None else f"{article.growth_mb:+.2f} MB{after}"
    each = NONE if article.bytes_per_raise is None else f"{article.bytes_per_raise:,.0f}"
    ours = [found.get((context, style)) for context in CONTEXTS]
    return [
        [
            f"{style}: growth after {raises:,} raises",
            growth,
            *(_growth(one.growth_mb) if one else NONE for one in ours),
        ],
        [f"{style}: bytes retained per raise", each, *(_each(one.bytes_per_raise) if one else NONE for one in ours)],
        [f"{style}: rate", f"{article.mb_per_s:.3f} MB/s", *(_rate(one.mb_per_s) if one else NONE for one in ours)],
    ]


def _growth(spread: Spread) -> str:
    return _with_range(spread, lambda value: f"{value:+z,.2f}", " MB")


def _each(spread: Spread) -> str:
    return _with_range(spread, lambda value: f"{value:z,.0f}", "")


def _rate(spread: Spread) -> str:
    decimals = 0 if spread.high >= MOST_WITH_DECIMALS else 3
    return _with_range(spread, lambda value: f"{value:z,.{decimals}f}", " MB/s")


def _with_range(spread: Spread, write: Callable[[float], str], unit: str) -> str:
    """Write the median, and the range where the runs differ by as much as the figure shows."""
    low, high = write(spread.low), write(spread.high)
    return f"{write(spread.median)}{unit}" + ("" if low == high else f" ({low} to {high})")


def explanation(found: Results, context_bytes: int) -> str:
    """Return why the article's figure and ours differ, in one sentence; empty where a run for it is missing."""
    held, bare = (found.get((context, "singleton")) for context in CONTEXTS)
    article = ARTICLE["singleton"].bytes_per_raise
    if held is None or bare is None or article is None:
        return ""
    return (
        f"The article's {article:,.0f} bytes a raise are the size of a bare traceback (ours: "
        f"{bare.bytes_per_raise.median:,.0f}), so its context was in no frame that the traceback retains; with "
        f"{context_bytes:,} bytes in such a frame each raise retains {held.bytes_per_raise.median:,.0f}."
    )


def notes(found: Results, versions: str) -> str:
    """Return what the figures depend on: versions, runs, units, the machine."""
    times = " or ".join(map(str, sorted({one.runs for one in found.values()}))) or "no"
    return (
        f"{versions}. {'One run' if times == '1' else f'Medians of {times} runs, each'} in a fresh process, "
        "with the lowest and the highest where they differ; MB is a million bytes in use "
        "after a full collection. Rates depend on the machine: they count the time spent raising; the article's is "
        "another machine's."
    )
