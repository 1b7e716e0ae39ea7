"""Earlier runs: `reports/demo` is always the newest, and a few before it stay beside it."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from sadpath.watch.report import LEFT_BEHIND

KEPT_RUNS = 5
TIME = "%Y-%m-%dT%H-%M-%S"


def keep_earlier_run(reports: Path) -> None:
    """Move what a run left in `reports` to a folder beside it, named after the time at which that run ended.

    Only the newest `KEPT_RUNS` of those stay. Files that no run leaves are not touched.
    """
    left = [path for name in LEFT_BEHIND if (path := reports / name).exists()]
    if not left:
        return
    ended = time.strftime(TIME, time.localtime(max(path.stat().st_mtime for path in left)))
    beside = reports.with_name(f"{reports.name}-{ended}")
    beside.mkdir(exist_ok=True)
    for path in left:
        path.replace(beside / path.name)
    for old in earlier_runs(reports)[:-KEPT_RUNS]:
        shutil.rmtree(old)


def earlier_runs(reports: Path) -> list[Path]:
    """Return the folders of earlier runs, the oldest first."""
    named = re.compile(re.escape(reports.name) + r"-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d")
    return sorted(path for path in reports.parent.iterdir() if named.fullmatch(path.name))
