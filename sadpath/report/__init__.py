"""Reports of a run: a summary for programs, pictures for slides, a page for people."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import vl_convert

from sadpath.report.charts import chart_rows, memory_chart, with_rows
from sadpath.report.page import VEGA_LITE, report_page
from sadpath.report.run import ABOUT, ENVIRONMENT, SAMPLES, Run, read_run
from sadpath.verdict.judge import Verdict

__all__ = [
    "ABOUT",
    "ENVIRONMENT",
    "LEFT_BEHIND",
    "MEMORY_PICTURE",
    "PAGE",
    "SAMPLES",
    "SUMMARY",
    "Run",
    "figures",
    "memory_picture",
    "read_run",
    "summary",
    "title",
    "write_report",
]

SUMMARY = "summary.json"
MEMORY_PICTURE = "memory.png"
PAGE = "report.html"
LEFT_BEHIND = (SAMPLES, ENVIRONMENT, ABOUT, SUMMARY, MEMORY_PICTURE, PAGE)
"""What a run leaves, by name; the summary is written last."""

CYCLES_SHOWN_FROM = 1.0
"""Cyclic objects per request from which a picture tells them."""


def write_report(folder: Path) -> Run:
    """Write summary, picture and page of the run in `folder` beside its samples, and return the run."""
    run = read_run(folder)
    (folder / MEMORY_PICTURE).write_bytes(memory_picture(run))
    (folder / PAGE).write_text(report_page(run), encoding="utf-8")
    (folder / SUMMARY).write_text(json.dumps(summary(run), indent=2) + "\n")
    return run


def summary(run: Run) -> dict[str, Any]:
    """Return the run for programs: `summary.json`."""
    return {
        "schema": 1,
        "verdict": run.outcome,
        "about": run.about,
        "environment": {"python": "", "starlette": "", "fastapi": "", "platform": "", **run.environment},
        "arms": {arm: figures(verdict) for arm, verdict in run.verdicts.items()},
    }


def figures(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict for programs; a figure that there is none of is null."""
    return {
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "requests": verdict.requests,
        "samples": verdict.samples,
        "restarts": verdict.restarts,
        "bytes_per_request": _known(verdict.bytes_per_request),
        "ci95": [_known(bound) for bound in verdict.ci95],
        "traceback_entries_per_request": verdict.traceback_entries_per_request,
        "cyclic_objects_per_request": verdict.cyclic_objects_per_request,
    }


def title(run: Run) -> dict[str, Any]:
    """Return what stands above the picture: what was decided and measured, each arm's figures, the versions."""
    verdicts = [f"{arm}: {verdict.figures}{_cycles(run, verdict)}" for arm, verdict in run.verdicts.items()]
    return {"text": run.headline, "subtitle": [*run.about.splitlines(), *verdicts, run.versions]}


def memory_picture(run: Run) -> bytes:
    """Draw the memory of the arms for a slide, as PNG, 16 to 9."""
    spec = with_rows(memory_chart(list(run.verdicts)), chart_rows(run.samples), title=title(run))
    return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=1.5))


def _cycles(run: Run, verdict: Verdict) -> str:
    """Say how many cyclic objects a request leaves, where one of the arms makes some: memory does not show them."""
    found = {arm: one.cyclic_objects_per_request for arm, one in run.verdicts.items()}
    ours = verdict.cyclic_objects_per_request
    if ours is None or max(filter(None, found.values()), default=0) < CYCLES_SHOWN_FROM:
        return ""
    return f", {ours:,.1f} cyclic objects"


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else round(figure, 1)
