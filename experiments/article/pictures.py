"""The three pictures, for slides: every run is a line from zero, and flat looks flat, on the axes of what grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from experiments.article.runs import (
    ARTICLE,
    ARTICLE_RAISES,
    COMPARISON,
    MB,
    PICTURE_OF,
    Results,
    StyleFigures,
    StyleRun,
)
from experiments.article.styles import CONTEXTS, STYLES, Context, Style
from sadpath.watch.report.charts import SAMPLES_DATA, VEGA_LITE, colours, with_rows
from sadpath.watch.report.rows import Row

COLOURS = colours(["singleton", "factory"])
ARTICLE_COLOUR = "#444444"
WHAT_RETAINS: Mapping[Style, str] = {
    "singleton": "One exception object, raised {:,} times, retains {}",
    "factory": "A fresh exception object for each of {:,} raises retains {}",
}
PANELS: Mapping[Context, str] = {"held": "context held in a frame", "bare": "bare traceback, no context held"}
WIDTH, HEIGHT, SCALE = 400, 370, 2
HEADROOM = 1.15
LEAST_TOP_MB = 0.1
"""No axis ends below this: a page of memory more or less must not look like growth."""


def pictures(runs: Sequence[StyleRun], found: Results, versions: str) -> dict[str, bytes]:
    """Draw each picture for which complete runs exist, as PNG by file name; `versions` stand below the headline."""
    rows = [row for run in runs for row in run_rows(run)]
    drawn = {}
    for style in STYLES:
        if figures := found.get(("held", style)):
            headline = WHAT_RETAINS[style].format(runs[0].raises, _retained(figures))
            below = f"context held in a frame; {figures.runs} runs, each a line and a fresh process; {versions}"
            drawn[PICTURE_OF[style]] = _png(of_style(style, rows, figures), rows, headline, below)
    if len(found) == len(CONTEXTS) * len(STYLES):
        one, fresh = (found["held", style] for style in STYLES)
        headline = (
            f"{runs[0].raises:,} raises: one object retains {_retained(one)}, fresh ones retain {_retained(fresh)}"
        )
        below = f"every line is a fresh process; {versions}"
        drawn[COMPARISON] = _png(comparison(rows, found), rows, headline, below)
    return drawn


def run_rows(run: StyleRun) -> list[Row]:
    """Return one row for each sample of a run, with its growth in MB."""
    of_run = {"style": run.style, "context": run.context, "run": run.round}
    return [
        {**of_run, "raises": sample.raises, "elapsed_s": sample.elapsed_s, "grown_mb": grown / MB}
        for sample, grown in run.grown
    ]


def of_style(style: Style, rows: Sequence[Row], figures: StyleFigures) -> alt.HConcatChart:
    """Memory of one style with the context held, by raises and by time. Both styles' pictures have the same scale."""
    held = [row for row in rows if row["context"] == "held"]
    lines = _lines(f"datum.context == 'held' && datum.style == '{style}'", _top(held))
    in_time = lines.encode(
        x=alt.X("elapsed_s:Q", title="seconds spent raising", axis=alt.Axis(tickCount=3, labelOverlap=True))
    )
    each, rate = figures.bytes_per_raise, figures.mb_per_s
    by_raises = f"{each.median:z,.0f} bytes a raise"
    by_time = f"median {rate.median:z,.1f} MB/s" + (
        f" ({rate.low:z,.1f} to {rate.high:z,.1f})" if rate.low != rate.high else ""
    )
    return alt.hconcat(_titled(lines, by_raises), _titled(in_time, by_time))


def comparison(rows: Sequence[Row], found: Results) -> alt.HConcatChart:
    """Both styles with the context held, and bare; there the article's figure stands beside ours."""
    panels = []
    for context in CONTEXTS:
        ours = [row for row in rows if row["context"] == context]
        marks: list[Row] = [
            row for row in _marks(found, max((row["raises"] for row in rows), default=0)) if row["context"] == context
        ]
        lines = _lines(f"datum.context == '{context}'", _top([*ours, *marks]))
        panels.append(_titled(alt.layer(lines, *(_label(mark) for mark in marks)), PANELS[context]))
    return alt.hconcat(*panels)


def _lines(condition: str, top: float) -> Any:
    """Every run of `condition` as a line, up to `top` MB."""
    chart = alt.Chart(alt.NamedData(SAMPLES_DATA)).transform_filter(condition)
    return chart.mark_line(strokeWidth=3, opacity=0.8).encode(
        x=alt.X("raises:Q", title="raises", axis=alt.Axis(format=",d", tickCount=5)),
        y=alt.Y(
            "grown_mb:Q", title="memory grown by (MB)", scale=alt.Scale(domain=[0, top]), axis=alt.Axis(tickCount=6)
        ),
        color=alt.Color("style:N", legend=None, scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))),
        detail="run:N",
    )


def _marks(found: Results, raises: int) -> list[Row]:
    """What is named at the end of the lines: our medians, and the article's growth after as many raises."""
    marks: list[Row] = [
        {"context": context, "raises": raises, "grown_mb": ours.growth_mb.median, "style": style, "who": style}
        for (context, style), ours in found.items()
    ]
    if raises == ARTICLE_RAISES:
        growth = ARTICLE["singleton"].growth_mb
        marks.append({"context": "bare", "raises": raises, "grown_mb": growth, "style": "", "who": "the article:"})
    return marks


def _label(mark: Row) -> Any:
    """A point at the end of a line, with its name and its figure above."""
    point = alt.Chart(alt.NamedData(SAMPLES_DATA)).transform_aggregate(end="max(raises)")
    point = point.encode(x=alt.X("end:Q"), y=alt.datum(mark["grown_mb"]))
    color = COLOURS.get(mark["style"], ARTICLE_COLOUR)
    text = f"{mark['who']} {mark['grown_mb']:+z,.2f} MB"
    above = point.mark_text(align="right", dx=4, dy=-16, fontSize=17, fontWeight="bold", color=color, text=text)
    return alt.layer(point.mark_point(filled=True, size=90, opacity=1, color=color), above)


def _titled(chart: Any, title: str) -> Any:
    return chart.properties(title=alt.TitleParams(title, fontSize=18, offset=10), width=WIDTH, height=HEIGHT)


def _top(rows: Iterable[Row]) -> float:
    """The end of an axis that all of `rows` are on, in MB."""
    return max(LEAST_TOP_MB, HEADROOM * max(float(row["grown_mb"]) for row in rows))


def _retained(figures: StyleFigures) -> str:
    return f"{figures.growth_mb.median:z,.1f} MB"


def _png(chart: alt.HConcatChart, rows: Sequence[Row], headline: str, below: str) -> bytes:
    spec = with_rows(chart, rows, title=alt.TitleParams(headline, subtitle=below))
    return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=SCALE))
