"""A run in short: `summary.json` for programs, and a few lines for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sadpath.files import write_json
from sadpath.text import terminal
from sadpath.verdict.verdict import rounded
from sadpath.watch.run import Run

RULE_WIDTH = 80


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


def verdict_lines(run: Run) -> Iterator[str]:
    """Yield the verdict of each arm: one line with what was decided, and its evidence below, indented."""
    names = {arm: terminal(arm) for arm in run.verdicts}
    width = max(map(len, names.values()), default=0)
    for arm, verdict in run.verdicts.items():
        yield f"{names[arm]:<{width}}  {verdict.outcome}: {terminal(verdict.figures)}"
        evidence = (verdict.reason, f"measured over {verdict.basis}")
        yield from (f"{'':<{width}}  {terminal(line)}" for line in evidence)


def verdict_block(run: Run, where: str) -> str:
    """Return the verdict between two rules, for a log in which it should stand out; `where` names the report."""
    title = f"== Sadpath: {run.outcome} "
    return "\n".join([f"{title:=<{RULE_WIDTH}}", *verdict_lines(run), terminal(f"report: {where}"), "=" * RULE_WIDTH])
