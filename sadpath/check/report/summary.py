"""A check for programs: the JSON of `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sadpath
from sadpath.check.result import Cause, Check, PathResult
from sadpath.files import write_json


def write_check(path: Path, check: Check) -> None:
    """Write the check; a reader finds the file complete or not at all. Raises `OSError`."""
    write_json(path, summary(check))


def summary(check: Check) -> dict[str, Any]:
    """Return the contents of the file; a figure that is unknown is null."""
    return {
        "schema": 1,
        "verdict": check.outcome,
        "sadpath": sadpath.__version__,
        "target": check.target,
        "url": check.url,
        "environment": {"python": "", "starlette": "", "fastapi": "", "platform": "", **check.environment},
        "flat_below_bytes_per_request": check.flat_below,
        "seconds": round(check.seconds, 1),
        "requests": check.requests,
        "probe": not check.no_probe,
        "ended_early": check.ended_early or None,
        "notes": [*check.notes, *filter(None, [check.no_probe])],
        "paths": [_path(one, check) for one in check.worst_first],
    }


def _path(result: PathResult, check: Check) -> dict[str, Any]:
    causes = [_cause(one) for one in result.causes]
    return {
        "method": result.path.method,
        "path": result.path.path,
        "status": result.path.status,
        "request": result.path.request.path,
        **result.verdict.as_json,
        "accepted": result.path.name in check.accepted,
        "first_ms": result.first_ms,
        "last_ms": result.last_ms,
        "notes": list(result.notes),
        "cause": causes[0] if causes else None,
        "causes": causes,
    }


def _cause(cause: Cause) -> Mapping[str, Any]:
    return {**asdict(cause), "details": list(cause.details)}
