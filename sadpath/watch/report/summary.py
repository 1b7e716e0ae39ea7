"""A run for programs: `summary.json`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sadpath.verdict.samples import Verdict
from sadpath.watch.report.folder import write_whole
from sadpath.watch.run import Run


def write_summary(path: Path, run: Run) -> None:
    """Write the summary as JSON."""
    write_whole(path, f"{json.dumps(summary(run), indent=2)}\n".encode())


def summary(run: Run) -> dict[str, Any]:
    """Return the contents of `summary.json`; a figure that is unknown is null."""
    conditions = run.conditions
    return {
        "schema": 1,
        "verdict": run.outcome,
        "about": conditions.about,
        "run": {
            "started": conditions.started or None,
            "duration_s": round(run.duration_s, 1),
            "command": conditions.command or None,
            "host": conditions.host or None,
            "users": conditions.users,
            "services": dict(conditions.services),
            "warm_up_s": conditions.warm_up_s,
            "flat_below_bytes_per_request": conditions.bytes_per_request,
            "sadpath": conditions.sadpath or None,
        },
        "environment": {"python": "", "starlette": "", "fastapi": "", "platform": "", **conditions.environment},
        "arms": {
            arm: {**figures(verdict), "requests_per_second": _rounded(run.requests_per_second(arm))}
            for arm, verdict in run.verdicts.items()
        },
    }


def figures(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict for programs."""
    return {
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "requests": verdict.requests,
        "samples": verdict.samples,
        "restarts": verdict.restarts,
        "bytes_per_request": _rounded(verdict.bytes_per_request),
        "ci95": [_rounded(bound) for bound in verdict.ci95],
        "traceback_entries_per_request": _rounded(verdict.traceback_entries_per_request, 2),
        "cyclic_objects_per_request": _rounded(verdict.cyclic_objects_per_request, 2),
        "errors": {
            error: {"traceback_entries_per_request": round(entries, 2)} for error, entries in verdict.errors.items()
        },
    }


def _rounded(figure: float | None, digits: int = 1) -> float | None:
    return None if figure is None or math.isnan(figure) else round(figure, digits)
