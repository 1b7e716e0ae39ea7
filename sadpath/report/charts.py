"""The charts, made once: the same ones become a picture, a part of the report, and the live page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import altair as alt

from sadpath.sources import Reading
from sadpath.verdict.samples import Sample, by_arm, is_another_lifetime

Row = dict[str, Any]

SAMPLES_DATA = "samples"
"""The name under which a chart finds its rows, so that a page can replace them while it is open."""

OF_ARM = {"reused": "#d55e00", "factory": "#0072b2"}
OF_OTHERS = ["#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
"""Vermilion and blue, then green, purple, orange and sky blue: Okabe and Ito's, which the colour-blind tell apart."""

LIMIT_COLOUR = "#444"
WIDTH, HEIGHT = 1000, 440
MAX_ROWS = 500
"""Rows of one arm above which a chart leaves some out."""

LIMIT_SHOWN_FROM = 0.4
"""Share of the memory limit from which its line is drawn; below, it would only flatten the curves."""


def chart_rows(samples: Sequence[Sample]) -> list[Row]:
    """Return one row for each sample that was read, for `requests` on the x axis counted through all restarts."""
    return [row for ours in by_arm(samples).values() for row in _thinned(_rows_of_arm(ours))]


def colours(arms: Sequence[str]) -> dict[str, str]:
    """Return the colour of each arm: the lab's two always have their own."""
    others = cycle(OF_OTHERS)
    return {arm: OF_ARM.get(arm) or next(others) for arm in arms}


def memory_chart(arms: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    """Memory of each arm against the requests it served; the limit where it is near, and a mark for each restart."""
    base = _base(arms).encode(y=alt.Y("memory_mib:Q", title="memory (MiB)"))
    last = base.transform_joinaggregate(end="max(requests)", groupby=["arm"])
    last = last.transform_filter("datum.requests == datum.end")
    label = last.transform_calculate(label="datum.arm + '  ' + format(datum.memory_mib, ',.0f') + ' MiB'")
    label = label.transform_joinaggregate(ours="max(memory_mib)", groupby=["arm"])
    label = label.transform_joinaggregate(top="max(memory_mib)").encode(text="label:N")
    restarts = base.transform_filter("datum.restarted")
    return alt.layer(
        *_limit(),
        base.mark_line(strokeWidth=3.5),
        restarts.mark_point(shape="triangle-up", size=220, filled=True, opacity=1),
        restarts.mark_text(align="left", dx=12, dy=14, fontSize=15, text="restarted"),
        last.mark_point(filled=True, size=80, opacity=1),
        _text_at_the_end(label.transform_filter(f"!({_JUST_BELOW_ANOTHER})"), dy=-16),
        _text_at_the_end(label.transform_filter(_JUST_BELOW_ANOTHER), dy=20),
        width=WIDTH,
        height=HEIGHT,
    )


def _limit() -> tuple[alt.Chart, alt.Chart]:
    """The line of the memory limit and its label, where an arm is near it."""
    near = _chart().transform_filter(f"datum.memory_mib > {LIMIT_SHOWN_FROM} * datum.limit_mib")
    limit = near.transform_aggregate(limit="max(limit_mib)").encode(y="limit:Q")
    label = limit.transform_calculate(label="'limit ' + format(datum.limit, ',.0f') + ' MiB'")
    return (
        limit.mark_rule(strokeDash=[6, 4], color=LIMIT_COLOUR),
        label.mark_text(align="left", x=8, dy=-10, fontSize=15, color=LIMIT_COLOUR).encode(text="label:N"),
    )


_JUST_BELOW_ANOTHER = "datum.ours < datum.top && datum.ours > 0.9 * datum.top"
"""Whether a line ends where its label would lie on that of the highest, so that it goes below its own."""


def _text_at_the_end(chart: alt.Chart, dy: int) -> alt.Chart:
    text: alt.Chart = chart.mark_text(align="right", dx=-8, dy=dy, fontSize=18, fontWeight="bold")
    return text


def entries_chart(arms: Sequence[str]) -> alt.Chart:
    """Traceback entries that the followed exceptions pin, against requests."""
    return _line(arms, "entries", "traceback entries retained", ",d")


def latency_chart(arms: Sequence[str]) -> alt.Chart:
    """99th percentile of the response times in each interval between samples, against requests."""
    return _line(arms, "p99_ms", "p99 latency (ms)", ",d")


def dashboard(arms: Sequence[str]) -> alt.VConcatChart:
    """All three, below one another."""
    return alt.vconcat(memory_chart(arms), entries_chart(arms) | latency_chart(arms))


def with_rows(chart: alt.TopLevelMixin, rows: Sequence[Row], **title: Any) -> dict[str, Any]:
    """Return a Vega-Lite specification of `chart` that holds its rows."""
    fit = alt.AutoSizeParams(type="pad", resize=True)  # makes room for labels when the rows change
    spec: dict[str, Any] = chart.properties(autosize=fit, **title).configure(**_STYLE).to_dict()
    spec["datasets"] = {SAMPLES_DATA: list(rows)}
    return spec


_STYLE: dict[str, Any] = {
    "font": "sans-serif",
    "background": "white",
    "padding": 16,
    "axis": {"labelFontSize": 15, "titleFontSize": 16, "gridColor": "#e8e8e8", "titlePadding": 10},
    "title": {"fontSize": 24, "subtitleFontSize": 17, "anchor": "start", "offset": 16, "subtitlePadding": 8},
    "view": {"stroke": None},
}


def _chart() -> alt.Chart:
    return alt.Chart(alt.NamedData(SAMPLES_DATA))


def _base(arms: Sequence[str]) -> alt.Chart:
    requests = alt.X("requests:Q", title="requests served", axis=alt.Axis(format=",d", tickCount=8))
    scale = alt.Scale(domain=list(arms), range=list(colours(arms).values()))
    return _chart().encode(x=requests, color=alt.Color("arm:N", legend=None, scale=scale), detail="lifetime:N")


def _line(arms: Sequence[str], field: str, title: str, number_format: str) -> alt.Chart:
    y = alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format=number_format, tickCount=5))
    chart: alt.Chart = _base(arms).mark_line(strokeWidth=2.5).encode(y=y)
    return chart.properties(width=(WIDTH - 110) // 2, height=HEIGHT // 2)


def _thinned(rows: Sequence[Row]) -> list[Row]:
    """Leave out rows evenly where there are more than a chart can show, but never a restart or the last."""
    step = len(rows) // MAX_ROWS + 1
    return [row for index, row in enumerate(rows, 1) if index % step == 0 or row["restarted"] or index == len(rows)]


def _rows_of_arm(samples: Sequence[Sample]) -> list[Row]:
    rows: list[Row] = []
    served, lifetime = 0.0, 0
    last: Reading | None = None
    for sample in samples:
        reading = sample.reading
        if reading is None:
            continue
        restarted = last is not None and is_another_lifetime(last, reading)
        if restarted and last:
            served, lifetime = served + (last.requests or 0), lifetime + 1
        rows.append({**_row(sample, reading, served), "lifetime": lifetime, "restarted": restarted})
        last = reading
    return rows


def _row(sample: Sample, reading: Reading, served: float) -> Row:
    return {
        "arm": sample.arm,
        "elapsed_s": sample.elapsed_s,
        "requests": served + (reading.requests or 0),
        "memory_mib": reading.memory_bytes / 2**20,
        "limit_mib": reading.limit_bytes and reading.limit_bytes / 2**20,
        "entries": reading.traceback_entries,
        "p99_ms": sample.latency.p99_ms,
    }
