"""A run for a slide: a PNG of its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import vl_convert

from sadpath.verdict.verdict import Verdict
from sadpath.watch.report.charts import VEGA_LITE, colours_of, memory_chart, with_rows
from sadpath.watch.report.rows import Row
from sadpath.watch.run import Run

CYCLES_SHOWN_FROM = 1.0
"""Objects in reference cycles per request from which a picture mentions them."""


def memory_picture(run: Run, rows: Sequence[Row]) -> bytes:
    """Draw the memory of the arms, as PNG, 16 to 9. `rows` are those of the run."""
    chart = memory_chart(colours_of(run), anonymous=run.is_anonymous)
    spec = with_rows(chart, rows, title=title(run))
    return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=1.5))


def title(run: Run) -> dict[str, Any]:
    """Return the text above the picture: what was decided and measured, the figures of each arm, the versions."""
    verdicts = [f"{arm}: {verdict.figures}{_cycles(run, verdict)}" for arm, verdict in run.verdicts.items()]
    about = run.conditions.about.splitlines()
    return {"text": run.headline, "subtitle": [*about, *verdicts, *filter(None, [run.conditions.versions])]}


def _cycles(run: Run, verdict: Verdict) -> str:
    """Return the objects in reference cycles, where one of the arms makes some: memory does not show them."""
    found = [one.cyclic_objects_per_request or 0 for one in run.verdicts.values()]
    ours = verdict.cyclic_objects_per_request
    if ours is None or max(found, default=0) < CYCLES_SHOWN_FROM:
        return ""
    return f", {ours:,.1f} objects in reference cycles"
