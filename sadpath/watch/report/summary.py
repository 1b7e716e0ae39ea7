"""A run for programs: `summary.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sadpath.files import write_json
from sadpath.verdict.verdict import rounded
from sadpath.watch.run import Run


def write_summary(path: Path, run: Run) -> None:
    """Write the summary as JSON."""
    write_json(path, summary(run))


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
            arm: {**verdict.as_json, "requests_per_second": rounded(run.requests_per_second(arm))}
            for arm, verdict in run.verdicts.items()
        },
    }
