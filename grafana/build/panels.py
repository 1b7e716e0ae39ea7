"""The building blocks of all panels: a query, a graph, a big figure, a text, a row and an annotation.

Each panel has its place on Grafana's grid, which is 24 columns wide. A page of 720 lines shows 16 rows of it, one of
1080 lines about 25.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common as shapes
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import prometheus, stat, text, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

COLOURS = {"reused": "#d55e00", "factory": "#0072b2"}
"""The colour of each arm, the same as on the demo's page. From Okabe and Ito's palette for the colour-blind."""

FRAMEWORK_COLOURS = {"framework-old": "#e69f00", "framework-new": "#56b4e9"}
"""The colours of the arms of Compose's profile `framework`."""

GREY = "#5f5f5f"
RED = "#cc3311"


@dataclass(frozen=True)
class At:
    """The place of a panel: its upper left corner, its width and its height, in cells of the grid."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Query:
    """An expression for Prometheus, and the names of its series in the legend."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Words:
    """The title of a panel or a dashboard, and a description of what it shows."""

    title: str
    description: str


@dataclass(frozen=True)
class Axis:
    """An axis: Grafana's unit, and a label."""

    unit: str
    label: str


def source(uid: str) -> dashboard.DataSourceRef:
    """Refer to a Prometheus data source, by its uid or by a variable such as `${datasource}`."""
    return dashboard.DataSourceRef(type_val="prometheus", uid=uid)


def graph(words: Words, at: At, axis: Axis, queries: Sequence[Query], uid: str) -> timeseries.Panel:
    """Return a graph over time, from zero, with the arms in their colours. A missing sample is a gap in the line.

    Areas are not filled: where two lines meet, their fills would mix to a third colour.
    """
    panel = (
        timeseries.Panel()
        .title(words.title)
        .description(words.description)
        .grid_pos(_grid(at))
        .datasource(source(uid))
        .unit(axis.unit)
        .axis_label(axis.label)
        .axis_soft_min(0)
        .line_width(3)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)  # noqa: FBT003 - the library's
        .color_scheme(_by_name())
        .legend(_legend())
        .tooltip(shapes.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )
    for panel_query in _queries(queries, uid, instant=False):
        panel.with_target(panel_query)
    _colour_the_arms(panel)
    return panel


def dashed(panel: timeseries.Panel, pattern: str) -> timeseries.Panel:
    """Draw the series of a graph whose name matches `pattern` as thin dashed lines."""
    dash = dashboard.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]})
    return panel.override_by_regexp(pattern, [dash, dashboard.DynamicConfigValue("custom.lineWidth", 2)])


def logarithmic(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw a graph on a logarithmic axis, where lines that differ a hundredfold can both be read."""
    return panel.scale_distribution(shapes.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10))


def in_words(panel: stat.Panel, words: Mapping[int, str]) -> stat.Panel:
    """Show a sentence in place of a value that stands for one, such as -1 for "down"."""
    texts = {
        str(value): dashboard.ValueMappingResult(text=text, index=number)
        for number, (value, text) in enumerate(words.items())
    }
    return panel.mappings([dashboard.ValueMap(options=texts)])


def in_colour(panel: timeseries.Panel, pattern: str, colour: str) -> timeseries.Panel:
    """Draw the series of a graph whose name matches `pattern` in this colour."""
    return panel.override_by_regexp(pattern, [_colour(colour)])


def figure(words: Words, at: At, unit: str, query: Query, uid: str) -> stat.Panel:
    """Return one big figure for each series: its value now, readable from the last row of a room."""
    panel = (
        stat.Panel()
        .title(words.title)
        .description(words.description)
        .grid_pos(_grid(at))
        .datasource(source(uid))
        .unit(unit)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME if query.legend else common.BigValueTextMode.VALUE)
        .wide_layout(False)  # noqa: FBT003 - the name above the figure, not beside it
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .reduce_options(shapes.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003 - the library's
        .color_scheme(_by_name())
    )
    for panel_query in _queries([query], uid, instant=True):
        panel.with_target(panel_query)
    _colour_the_arms(panel)
    return panel


def filled(panel: stat.Panel, colour: str) -> stat.Panel:
    """Fill the panel of a figure with one colour."""
    fixed = boards.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour)
    return panel.color_mode(common.BigValueColorMode.BACKGROUND_SOLID).color_scheme(fixed)


def sentences(words: Words, at: At, markdown: str) -> text.Panel:
    """Return a panel of text."""
    return (
        text.Panel()
        .title(words.title)
        .description(words.description)
        .grid_pos(_grid(at))
        .mode(TextMode.MARKDOWN)
        .content(markdown)
    )


class _AtValue(dashboard.AnnotationQuery):
    """An annotation whose time is the query's value; the library's class has no field for that."""

    def __init__(self, name: str, uid: str, colour: str, query: Query) -> None:
        super().__init__(name=name, datasource=source(uid), icon_color=colour)
        self._query = query

    def to_json(self) -> dict[str, object]:
        """Return the JSON that Grafana's Prometheus data source expects; it merges marks within one step.

        Older releases read the query from `expr`, newer ones from `target`.
        """
        return {
            **super().to_json(),
            "expr": self._query.expr,
            "step": "1s",
            "target": {"expr": self._query.expr, "refId": "Anno", "interval": "1s"},
            "titleFormat": self._query.legend,
            "textFormat": "",
            "tagKeys": "instance",
            "useValueForTime": True,
        }


@dataclass(frozen=True)
class Annotation(Builder[dashboard.AnnotationQuery]):
    """Marks on all graphs, each at the time that is the query's value, in milliseconds.

    Otherwise Grafana would draw a mark for each point that the query returns.
    """

    name: str
    uid: str
    colour: str
    query: Query

    def build(self) -> dashboard.AnnotationQuery:
        """Return the annotation's model, as all builders of the library do."""
        return _AtValue(self.name, self.uid, self.colour, self.query)


Panel = timeseries.Panel | stat.Panel | text.Panel


@dataclass(frozen=True)
class More:
    """A row that opens with a click: its title, and the panels in it."""

    title: str
    y: int
    panels: Sequence[Panel]


def board(words: Words, uid: str, window: str, panels: Sequence[Panel], more: More) -> boards.Dashboard:
    """Return a dashboard that shows the last `window`, such as `2m`, and refreshes each second."""
    built = (
        boards.Dashboard(words.title)
        .uid(uid)
        .description(words.description)
        .tags(["sadpath"])
        .time(f"now-{window}", "now")
        .timezone("browser")
        .refresh("1s")
        .timepicker(boards.TimePicker().refresh_intervals(["1s", "5s", "15s", "1m"]))
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    )
    for number, panel in enumerate(panels, start=1):
        built.with_panel(panel.id(number))
    row = boards.Row(more.title).id(len(panels) + 1).grid_pos(_grid(At(0, more.y, 24, 1)))
    for number, panel in enumerate(more.panels, start=len(panels) + 2):
        row.with_panel(panel.id(number))
    return built.with_row(row)


def _grid(at: At) -> dashboard.GridPos:
    return dashboard.GridPos(x=at.x, y=at.y, w=at.w, h=at.h)


def _queries(queries: Sequence[Query], uid: str, *, instant: bool) -> list[prometheus.Dataquery]:
    built = []
    for letter, query in zip("ABCDEF", queries, strict=False):
        one = prometheus.Dataquery().expr(query.expr).legend_format(query.legend or "__auto").ref_id(letter)
        one = one.datasource(source(uid)).format(PromQueryFormat.TIME_SERIES)
        built.append(one.instant() if instant else one.range())
    return built


def _colour_the_arms(panel: timeseries.Panel | stat.Panel) -> None:
    for arm, colour in {**COLOURS, **FRAMEWORK_COLOURS}.items():
        panel.override_by_regexp(f"/^{arm}/", [_colour(colour)])


def _by_name() -> boards.FieldColor:
    """Colour a series that is not an arm by its name, so that it has one colour on all panels."""
    return boards.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)


def _legend() -> shapes.VizLegendOptions:
    bottom = shapes.VizLegendOptions().placement(common.LegendPlacement.BOTTOM)
    return bottom.display_mode(common.LegendDisplayMode.LIST).show_legend(True)  # noqa: FBT003 - the library's


def _colour(colour: str) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})
