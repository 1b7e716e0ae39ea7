"""The page for people: live while a load runs, or as a report in one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined

from sadpath.report.charts import SAMPLES_DATA, chart_rows, colours, dashboard, with_rows
from sadpath.report.run import Run
from sadpath.verdict.samples import Sample

if TYPE_CHECKING:
    from flask import Flask

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
"""The version of Vega-Lite that altair writes, as `vl_convert` names it."""

_TEMPLATES = Environment(
    loader=PackageLoader("sadpath.report", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def report_page(run: Run) -> str:
    """Return one self-contained page: verdicts, charts, gaps, environment. It needs no network."""
    rows = chart_rows(run.samples)
    arms = list(run.verdicts)
    return _TEMPLATES.get_template("report.html").render(
        run=run,
        colours=colours(arms),
        marks=[row for row in rows if row["restarted"]],
        gaps=[sample for sample in run.samples if sample.missing],
        spec=with_rows(dashboard(arms), rows),
        vega=chart_script(),
    )


def live_page(app: Flask, arms: Sequence[str], samples: Callable[[], Sequence[Sample]], about: str = "") -> None:
    """Add the page to a Flask app, at `/sadpath`: `samples` tells what was sampled so far, `about` what it is."""
    script = chart_script()
    page = _TEMPLATES.get_template("live.html").render(
        arms=arms,
        about=about,
        colours=colours(arms),
        spec=with_rows(dashboard(arms), []),
        name=SAMPLES_DATA,
    )

    @app.route("/sadpath")
    def sadpath_page() -> str:
        return page

    @app.route("/sadpath/charts.js")
    def sadpath_charts() -> tuple[str, dict[str, str]]:
        return script, {"Content-Type": "text/javascript", "Cache-Control": "max-age=3600"}

    @app.route("/sadpath/rows")
    def sadpath_rows() -> dict[str, Any]:
        return {"rows": chart_rows(samples())}


def chart_script() -> str:
    """Return the JavaScript that draws a chart, from the installed package."""
    return vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # type: ignore[call-arg]  # its stub wants a snippet
