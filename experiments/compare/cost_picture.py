"""The curve for a slide: CPU time on the left, latency on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import vl_convert

from experiments.compare.cost_figures import ArmCost, Checkpoint, duration
from sadpath.watch.report.charts import SAMPLES_DATA, VEGA_LITE, colours, with_rows

WIDTH, HEIGHT, LABELS = 560, 500, 140
"""Of a chart, in points; the names of the lines on the right take some of its width."""

CPU, BETWEEN = "cpu_us_per_request", "cpu_us_between_collections"
P50, P99, MAXIMUM = "median", "p99", "maximum"
DASHES: Mapping[str, list[int]] = {P50: [1, 0], P99: [8, 5], MAXIMUM: [1, 0]}
APART = 1.5
"""By what factor two names must be apart on the axis of response times, which is logarithmic."""

WEIGHTS: Mapping[str, float] = {P50: 2, P99: 2, MAXIMUM: 4.5}


WHAT = "One 404 from two copies of one service: reused raises one exception object, factory a new one per request."


def picture(found: Sequence[Checkpoint], versions: str) -> bytes:
    """Draw the curve as PNG, 16 to 9. There has to be a checkpoint."""
    rows = [row for one in found for row in one.arms]
    chart = alt.hconcat(_cpu_chart(rows), _response_chart(rows), spacing=50)
    spec = with_rows(chart, chart_rows(rows), title={"text": headline(found[-1]), "subtitle": [WHAT, versions]})
    return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=1.5))


def headline(last: Checkpoint) -> str:
    """Return in one line what the last checkpoint shows."""
    pause = max(row.longest_pause_ms for row in last.arms if row.arm == "reused")
    cpu = last.ratios[CPU]
    times = "the CPU time is inconclusive"
    if cpu.verdict != "inconclusive":
        times = f"{cpu.ratio:.1f} times ({cpu.ci95[0]:.1f} to {cpu.ci95[1]:.1f}) the CPU time"
    return f"After {last.requests_served:,} reused errors: {times}, pauses of up to {duration(pause)}"


def chart_rows(rows: Sequence[ArmCost]) -> list[dict[str, Any]]:
    """Return what the charts draw: one row for each figure of each arm at each checkpoint, bounds where it has some.

    `label_at` is where the name of a response time's line stands, at the last checkpoint: near its end, and apart from
    the others, so that it can be read also where lines meet.
    """
    drawn: list[dict[str, Any]] = [
        {"requests": row.requests_served, "arm": row.arm, "figure": figure, "value": value, "low": low, "high": high}
        for row in rows
        for figure, value, low, high in _figures(row)
    ]
    end = max(row.requests_served for row in rows)
    named = sorted(
        (one for one in drawn if one["requests"] == end and one["figure"] in DASHES),
        key=lambda one: float(one["value"]),
    )
    lowest = 0.0
    for one in named:
        one["label_at"] = max(one["value"], lowest)
        lowest = APART * one["label_at"]
    return drawn


def _figures(row: ArmCost) -> list[tuple[str, float, float | None, float | None]]:
    named = [(CPU, CPU), (BETWEEN, BETWEEN), (P50, "p50_ms"), (P99, "p99_ms")]
    estimates = [(figure, row.estimates[name]) for figure, name in named]
    return [*((figure, one.value, *one.ci95) for figure, one in estimates), (MAXIMUM, row.longest_ms, None, None)]


def _cpu_chart(rows: Sequence[ArmCost]) -> alt.LayerChart | alt.FacetChart:
    both = _base(rows).transform_filter(alt.FieldOneOfPredicate("figure", [CPU, BETWEEN]))
    mean, between = (_of(both, figure) for figure in (CPU, BETWEEN))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    return alt.layer(
        mean.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", title=None), y2="high:Q"),
        mean.mark_line(strokeWidth=4, point=alt.OverlayMarkDef(size=110, filled=True)).encode(y=y),
        between.transform_filter("datum.arm == 'reused'").mark_line(strokeWidth=2, strokeDash=[8, 5]).encode(y=y),
        *_names(mean, "datum.arm + ' ' + format(datum.value, ',.0f') + ' µs'", {"reused": -18, "factory": 20}, "right"),
        width=WIDTH,
        height=HEIGHT,
        title=_title("CPU time per request (µs)", "Mean with 95% CI; dashed: reused, between two collections"),
    )


def _response_chart(rows: Sequence[ArmCost]) -> alt.LayerChart | alt.FacetChart:
    base = _base(rows).transform_filter(alt.FieldOneOfPredicate("figure", list(DASHES)))
    axis = alt.Axis(values=[10.0**power for power in range(-1, 6)], labelExpr=_TIME)
    y = alt.Y("value:Q", title=None, scale=alt.Scale(type="log"), axis=axis)
    lines = [
        _of(base, kind).mark_line(strokeWidth=WEIGHTS[kind], strokeDash=DASHES[kind]).encode(y=y) for kind in DASHES
    ]
    bounds = _of(base, P99).mark_rule(strokeWidth=2, opacity=0.4).encode(y="low:Q", y2="high:Q")
    names = _names(base, "datum.arm + ' ' + datum.figure", {"reused": 0, "factory": 0}, "left", at="label_at:Q")
    title = _title("Latency", "Maximum (thick), p99 with 95% CI (dashed), median")
    return alt.layer(bounds, *lines, *names, width=WIDTH - LABELS, height=HEIGHT, title=title)


_TIME = "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value + ' ms'"


def _of(base: alt.Chart, figure: str) -> alt.Chart:
    return base.transform_filter(f"datum.figure == '{figure}'")


def _names(
    base: alt.Chart, label: str, dy: Mapping[str, int], align: Literal["left", "right"], at: str = "value:Q"
) -> list[alt.Chart]:
    """The names of the lines at their ends, at the height `at`, those of each arm moved by its `dy`."""
    last = base.transform_joinaggregate(end="max(requests)").transform_filter("datum.requests == datum.end")
    text = last.transform_calculate(label=label).encode(y=at, text="label:N")
    dx = 8 if align == "left" else 0
    return [
        text.transform_filter(f"datum.arm == '{arm}'").mark_text(
            align=align, dx=dx, dy=move, fontSize=18, fontWeight="bold"
        )
        for arm, move in dy.items()
    ]


def _base(rows: Sequence[ArmCost]) -> alt.Chart:
    arms = list(dict.fromkeys(row.arm for row in rows))
    served = sorted({row.requests_served for row in rows})
    x = alt.X(
        "requests:Q",
        title="requests already served",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(values=served, format="~s", labelOverlap=True),
    )
    colour = alt.Color("arm:N", legend=None, scale=alt.Scale(domain=arms, range=list(colours(arms).values())))
    chart: alt.Chart = alt.Chart(alt.NamedData(SAMPLES_DATA)).encode(x=x, color=colour, detail="figure:N")
    return chart


def _title(text: str, below: str) -> alt.TitleParams:
    return alt.TitleParams(text, subtitle=below, fontSize=20, subtitleFontSize=16)
