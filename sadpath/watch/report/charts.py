"""The charts, made once: each becomes a picture for a slide, a part of the report, and a part of the live page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from typing import Any

import altair as alt
import vl_convert

from sadpath.text import visible
from sadpath.verdict.verdict import Verdict
from sadpath.watch.report.rows import Row
from sadpath.watch.run import Run

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
"""The version of Vega-Lite that altair writes, as `vl_convert` names it."""

SAMPLES_DATA = "samples"
"""The name under which a chart finds its rows, so that a page can replace them while it is open."""

WARM = ("#d55e00", "#cc79a7", "#e69f00")
COOL = ("#0072b2", "#56b4e9", "#009e73")
"""Vermilion, purple, orange; blue, sky blue, green: Okabe and Ito's, which colour-blind people can tell apart."""

LIMIT_COLOUR = "#444"

MARKS_DATA = "marks"
"""The name under which the live chart finds what happened."""

ROWS_OF_MARKS = 3
"""Marks that follow each other closely have their words in rows below each other."""

ELAPSED = (
    "datum.value < 60 ? datum.value + ' s' : "
    "floor(datum.value / 60) + ':' + (datum.value % 60 < 10 ? '0' : '') + datum.value % 60"
)
"""How a time on the axis reads, in the language of Vega: 45 s, 1:30."""


@dataclass(frozen=True)
class Theme:
    """The colours of a chart that belong to no arm."""

    background: str
    text: str
    grid: str
    limit: str
    restarted: str


THEMES = {
    "light": Theme("#ffffff", "#1c1c1c", "#e8e8e8", "#b3261e", "#5f5f5f"),
    "dark": Theme("#111217", "#e6e6ea", "#2c2d33", "#ff7b72", "#a5a6ad"),
}
WIDTH, HEIGHT = 1000, 440
LIMIT_SHOWN_FROM = 0.4
"""Share of the memory limit from which its line is drawn; below, it would only flatten the curves."""

CYCLES_SHOWN_FROM = 1.0
"""Objects in reference cycles per request from which a picture mentions them."""


def colours(arms: Sequence[str], leaking: Collection[str] = ()) -> dict[str, str]:
    """Return the colour of each arm, by its position: warm and cool in turn. An arm that leaks gets a warm one."""
    of = dict(zip(arms, cycle(colour for pair in zip(WARM, COOL, strict=True) for colour in pair), strict=False))
    free = cycle([colour for colour in WARM if colour not in of.values()] or WARM)
    return {arm: next(free) if arm in leaking and colour in COOL else colour for arm, colour in of.items()}


def colours_of(run: Run) -> dict[str, str]:
    """Return the colour of each arm of a run that was judged."""
    return colours(run.arms, [arm for arm, verdict in run.verdicts.items() if verdict.outcome == "leaks"])


def panels(colour_of: Mapping[str, str], *, anonymous: bool) -> dict[str, alt.TopLevelMixin]:
    """Return the charts by the figure of a row that each draws: memory, traceback entries, latency."""
    return {
        "memory_mib": memory_chart(colour_of, anonymous=anonymous),
        "entries": _line(colour_of, "entries", "traceback entries retained"),
        "p99_ms": _line(colour_of, "p99_ms", "p99 latency (ms)"),
    }


def memory_chart(colour_of: Mapping[str, str], *, anonymous: bool) -> alt.LayerChart | alt.FacetChart:
    """Return memory against requests, with a mark for each restart.

    The limit is one of resident memory. It is drawn where an arm is near it, with resident memory in thin lines beside
    anonymous memory.
    """
    base = _base(colour_of).encode(y=alt.Y("memory_mib:Q", title=f"{memory_name(anonymous=anonymous)} (MiB)"))
    restarts = base.transform_filter("datum.restarted")
    return alt.layer(
        *_limit(base, anonymous=anonymous),
        base.mark_line(strokeWidth=3.5),
        restarts.mark_point(shape="triangle-up", size=220, filled=True, opacity=1),
        restarts.mark_text(align="left", dx=-6, dy=44, fontSize=15, text="restarted"),
        *_last(base),
        width=WIDTH,
        height=HEIGHT,
    )


@cache
def live_chart(arms: tuple[str, ...], theme: Theme) -> dict[str, Any]:
    """Return the specification of the live page's chart, without rows: resident memory against time.

    It fills its container. A mark is a line across it: a kill at the memory limit, another restart, or what somebody
    did, in words.
    """
    x = alt.X("elapsed_s:Q", title=None, axis=alt.Axis(labelExpr=ELAPSED, tickCount=8, tickMinStep=1, grid=False))
    y = alt.Y("memory_mib:Q", title="resident memory (MiB)", axis=alt.Axis(format=",d", tickCount=6))
    colour_of = colours(arms)
    scale = alt.Scale(domain=list(colour_of), range=list(colour_of.values()))
    base = _chart().encode(x=x, color=alt.Color("arm:N", legend=None, scale=scale), detail="lifetime:N")
    lines = base.encode(y=y)
    limit = _chart().transform_filter(f"datum.resident_mib > {LIMIT_SHOWN_FROM} * datum.limit_mib")
    limit = limit.transform_aggregate(limit="max(limit_mib)")
    limit_words = limit.transform_calculate(label="'memory limit  ' + format(datum.limit, ',.0f') + ' MiB'")
    room = _chart().transform_aggregate(most="max(memory_mib)").transform_calculate(room="1.15 * datum.most")
    chart = alt.layer(
        room.mark_point(opacity=0).encode(y="room:Q"),  # for the words of the marks, above the lines
        limit.mark_rule(strokeDash=[8, 6], strokeWidth=2, color=theme.limit).encode(y="limit:Q"),
        limit_words.mark_text(align="left", x=8, dy=12, fontSize=17, color=theme.limit).encode(
            y="limit:Q", text="label:N"
        ),
        alt.layer(*_marks(theme)),
        alt.layer(lines.mark_line(strokeWidth=4.5), *_last(lines, end="elapsed_s", halo=theme.background)),
    ).resolve_scale(color="independent")
    fit = alt.AutoSizeParams(type="fit", contains="padding", resize=True)
    chart = chart.properties(width="container", height="container", autosize=fit).configure(**_style(theme))
    spec: dict[str, Any] = chart.to_dict(validate=False)  # as below
    spec["datasets"] = {SAMPLES_DATA: [], MARKS_DATA: []}
    return spec


def _marks(theme: Theme) -> Iterator[alt.Chart]:
    """A line across the chart for each mark, and its words beside it."""
    colour_of = {"killed": theme.limit, "restarted": theme.restarted, "action": theme.text}
    scale = alt.Scale(domain=list(colour_of), range=list(colour_of.values()))
    colour = alt.Color("kind:N", scale=scale, legend=None)
    chart = alt.Chart(alt.NamedData(MARKS_DATA)).encode(x="elapsed_s:Q", color=colour)
    yield chart.mark_rule(strokeWidth=1.5)
    for row in range(ROWS_OF_MARKS):
        words = chart.encode(text="words:N", y=alt.value(6 + 20 * row))
        for side, align, dx in (("right", "left", 6), ("left", "right", -6)):
            here = words.transform_filter(f"datum.row == {row} && datum.side == '{side}'")
            settings: dict[str, Any] = {"align": align, "baseline": "top", "dx": dx, "fontSize": 16}
            yield here.mark_text(**settings)


def memory_name(*, anonymous: bool) -> str:
    """Return the name of the memory that is drawn and judged."""
    return "anonymous memory" if anonymous else "resident memory"


def with_rows(chart: alt.TopLevelMixin, rows: Sequence[Row], **title: Any) -> dict[str, Any]:
    """Return a Vega-Lite specification of `chart` that holds its rows."""
    fit = alt.AutoSizeParams(type="pad", resize=True)  # makes room for labels when the rows change
    chart = chart.properties(autosize=fit, **title).configure(**_style(THEMES["light"]))
    spec: dict[str, Any] = chart.to_dict(validate=False)  # a test does that: it takes half a second
    spec["datasets"] = {SAMPLES_DATA: list(rows)}
    return dict(_shown(spec))


def _shown(part: Any) -> Any:
    """Return a part of a specification as a reader sees it: a control character in a text ends what draws it."""
    if isinstance(part, dict):
        return {name: _shown(one) for name, one in part.items()}
    if isinstance(part, list):
        return [_shown(one) for one in part]
    return visible(part) if isinstance(part, str) else part


def memory_picture(run: Run, rows: Sequence[Row]) -> bytes:
    """Draw the memory of the arms, as PNG, 16 to 9. `rows` are those of the run."""
    chart = memory_chart(colours_of(run), anonymous=run.is_anonymous)
    spec = with_rows(chart, rows, title=picture_title(run))
    return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=1.5))


def picture_title(run: Run) -> dict[str, Any]:
    """Return the text above the picture: what was decided and measured, the figures of each arm, the versions."""
    verdicts = [f"{arm}: {verdict.figures}{_cycles(run, verdict)}" for arm, verdict in run.verdicts.items()]
    about = run.conditions.about.splitlines()
    return {"text": run.headline, "subtitle": [*about, *verdicts, *filter(None, [run.conditions.versions])]}


def _cycles(run: Run, verdict: Verdict) -> str:
    """Return the objects in reference cycles, where one of the arms makes some: memory does not show them."""
    cycles = [one.cyclic_objects_per_request or 0 for one in run.verdicts.values()]
    ours = verdict.cyclic_objects_per_request
    if ours is None or max(cycles, default=0) < CYCLES_SHOWN_FROM:
        return ""
    return f", {ours:,.1f} objects in reference cycles"


@cache
def chart_script() -> str:
    """Return the JavaScript that draws a chart, from the installed package."""
    return vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # type: ignore[call-arg]  # its stub wants a snippet


def _style(theme: Theme) -> dict[str, Any]:
    words = {"labelColor": theme.text, "titleColor": theme.text}
    lines = {"gridColor": theme.grid, "domainColor": theme.restarted, "tickColor": theme.restarted}
    return {
        "font": "sans-serif",
        "background": theme.background,
        "padding": 16,
        "axis": {"labelFontSize": 15, "titleFontSize": 16, "titlePadding": 10, **lines, **words},
        "legend": {"labelFontSize": 16, "symbolStrokeWidth": 4, "symbolSize": 300, "labelLimit": 400},
        "title": {"fontSize": 24, "subtitleFontSize": 17, "anchor": "start", "offset": 16, "subtitlePadding": 8},
        "view": {"stroke": None},
    }


def _chart() -> alt.Chart:
    return alt.Chart(alt.NamedData(SAMPLES_DATA))


def _base(colour_of: Mapping[str, str], ticks: int = 8) -> alt.Chart:
    requests = alt.X("requests:Q", title="requests served", axis=alt.Axis(format=",d", tickCount=ticks))
    scale = alt.Scale(domain=list(colour_of), range=list(colour_of.values()))
    legend = alt.Legend(title=None, orient="top", symbolType="stroke") if len(colour_of) > 1 else None
    return _chart().encode(x=requests, color=alt.Color("arm:N", legend=legend, scale=scale), detail="lifetime:N")


def _line(colour_of: Mapping[str, str], figure: str, title: str) -> alt.Chart:
    y = alt.Y(f"{figure}:Q", title=title, axis=alt.Axis(format=",d", tickCount=5))
    chart: alt.Chart = _base(colour_of, ticks=4).mark_line(strokeWidth=2.5).encode(y=y)
    return chart.properties(width=(WIDTH - 110) // 2, height=HEIGHT // 2)


def _limit(base: alt.Chart, *, anonymous: bool) -> Iterator[alt.Chart]:
    """The line of the memory limit and its label, and the memory that it limits, where an arm is near it."""
    near = _chart().transform_filter(f"datum.resident_mib > {LIMIT_SHOWN_FROM} * datum.limit_mib")
    limit = near.transform_aggregate(limit="max(limit_mib)").encode(y="limit:Q")
    what = "memory limit" + " (of resident memory, thin lines)" * anonymous
    label = limit.transform_calculate(label=f"'{what}: ' + format(datum.limit, ',.0f') + ' MiB'")
    yield limit.mark_rule(strokeDash=[6, 4], color=LIMIT_COLOUR)
    yield label.mark_text(align="left", x=8, dy=-10, fontSize=15, color=LIMIT_COLOUR).encode(text="label:N")
    if anonymous:
        shown = base.transform_joinaggregate(most="max(resident_mib)", limit="max(limit_mib)", groupby=["arm"])
        shown = shown.transform_filter(f"datum.most > {LIMIT_SHOWN_FROM} * datum.limit && datum.limit > 0")
        yield shown.mark_line(strokeWidth=1.2, strokeDash=[3, 3]).encode(y="resident_mib:Q")


_JUST_BELOW_ANOTHER = "datum.ours < datum.top && datum.ours > 0.9 * datum.top"
"""Whether a line ends where its label would lie on that of the highest, so that it goes below its own."""


def _last(base: alt.Chart, *, end: str = "requests", halo: str = "white") -> Iterator[alt.Chart]:
    """A point where the line of each arm ends, at its largest `end`, labelled with the arm and its memory."""
    last = base.transform_joinaggregate(end=f"max({end})", groupby=["arm"])
    last = last.transform_filter(f"datum.{end} == datum.end")
    label = last.transform_calculate(label="datum.arm + '  ' + format(datum.memory_mib, ',.0f') + ' MiB'")
    label = label.transform_joinaggregate(ours="max(memory_mib)", groupby=["arm"])
    label = label.transform_joinaggregate(top="max(memory_mib)").encode(text="label:N")
    yield last.mark_point(filled=True, size=80, opacity=1)
    for where, dy in ((f"!({_JUST_BELOW_ANOTHER})", -16), (_JUST_BELOW_ANOTHER, 20)):
        text = label.transform_filter(where)
        settings: dict[str, Any] = {"align": "right", "dx": -8, "dy": dy, "fontSize": 18, "fontWeight": "bold"}
        yield text.mark_text(**settings, stroke=halo, strokeWidth=5)  # so that no line runs through the letters
        yield text.mark_text(**settings)
