"""The article's figures beside ours: for the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from loadtest.article.style_figures import (
    ARTICLE,
    ARTICLE_RAISES,
    CONTEXTS,
    STYLES,
    Article,
    Results,
    Spread,
    StyleFigures,
)
from loadtest.article.styles import Style

NOTHING = "–"
MOST_WITH_DECIMALS = 100.0
"""Megabytes a second above which the article's three decimals would only be noise."""


def headings(context_bytes: int) -> list[str]:
    """Return the columns: what is measured, the article's figure, and ours with the context held and without."""
    return [
        "",
        "the article",
        f"ours, {context_bytes:,} bytes held in a frame",
        "ours, bare traceback, no context held",
    ]


def rows(found: Results, raises: int) -> list[list[str]]:
    """Return the figures of both styles as text; an unknown one is a dash."""
    return [row for style in STYLES for row in _rows_of_style(style, found, raises)]


def _rows_of_style(style: Style, found: Results, raises: int) -> list[list[str]]:
    ours = [found.get((context, style)) for context in CONTEXTS]
    article, after = ARTICLE[style], "" if raises == ARTICLE_RAISES else f" after {ARTICLE_RAISES:,}"
    growth = NOTHING if article.growth_mb is None else f"{article.growth_mb:+.2f} MB{after}"
    each = NOTHING if article.bytes_per_raise is None else f"{article.bytes_per_raise:,.0f}"
    return [
        [f"{style}: growth after {raises:,} raises", growth, *(_cell(one, _growth) for one in ours)],
        [f"{style}: bytes retained per raise", each, *(_cell(one, _each) for one in ours)],
        [f"{style}: rate", f"{article.mb_per_s:.3f} MB/s", *(_cell(one, _rate) for one in ours)],
    ]


def _cell(figures: StyleFigures | None, write: Callable[[StyleFigures], str]) -> str:
    return NOTHING if figures is None else write(figures)


def _growth(figures: StyleFigures) -> str:
    return _with_range(figures.growth_mb, lambda value: f"{value:+z,.2f}", " MB")


def _each(figures: StyleFigures) -> str:
    return _with_range(figures.bytes_per_raise, lambda value: f"{value:z,.0f}", "")


def _rate(figures: StyleFigures) -> str:
    decimals = 3 if figures.mb_per_s.high < MOST_WITH_DECIMALS else 0
    return _with_range(figures.mb_per_s, lambda value: f"{value:z,.{decimals}f}", " MB/s")


def _with_range(spread: Spread, write: Callable[[float], str], unit: str) -> str:
    """Write the median, and the range where the runs differ by as much as the figure shows."""
    low, high = write(spread.low), write(spread.high)
    return f"{write(spread.median)}{unit}" + ("" if low == high else f" ({low} to {high})")


def explanation(found: Results, context_bytes: int) -> str:
    """Return why the article's figure and ours differ, in one sentence; empty where a run for it is missing."""
    held, bare = (found.get((context, "singleton")) for context in CONTEXTS)
    article: Article = ARTICLE["singleton"]
    if held is None or bare is None or article.bytes_per_raise is None:
        return ""
    return (
        f"The article's {article.bytes_per_raise:,.0f} bytes a raise are the size of a bare traceback (ours: "
        f"{bare.bytes_per_raise.median:,.0f}), so its context was in no frame that the traceback retains; with "
        f"{context_bytes:,} bytes in such a frame each raise retains {held.bytes_per_raise.median:,.0f}."
    )


def notes(found: Results, versions: str) -> str:
    """Return what the figures depend on: versions, runs, units, the machine."""
    runs = sorted({figures.runs for figures in found.values()})
    times = " or ".join(map(str, runs)) or "no"
    return (
        f"{versions}. {'One run' if times == '1' else f'Medians of {times} runs, each'} in a fresh process, "
        "with the lowest and the highest where they differ; MB is a million bytes in use "
        "after a full collection. Rates depend on the machine: they count the time spent raising; the article's is "
        "another machine's."
    )


def for_terminal(found: Results, raises: int, context_bytes: int, below: str) -> Table:
    """Return the table for a terminal, with `below` under it."""
    view = Table(caption=below, caption_justify="left", caption_style="")
    for number, heading in enumerate(headings(context_bytes)):
        view.add_column(heading, justify="right" if number else "left")
    for number, row in enumerate(rows(found, raises), 1):
        view.add_row(*row, end_section=number % 3 == 0)
    return view


def as_markdown(found: Results, raises: int, context_bytes: int, below: str) -> str:
    """Return the table as Markdown, with `below` under it."""
    lines = [headings(context_bytes), ["---", *["---:"] * 3], *rows(found, raises)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{below}\n"
