"""The folder of a run: the names of its files, and the place of earlier runs."""

from __future__ import annotations

from pathlib import Path

from sadpath import files
from sadpath.watch.conditions import read_conditions
from sadpath.watch.run import CONDITIONS, SAMPLES

SUMMARY = "summary.json"
MEMORY_PICTURE = "memory.png"
PAGE = "report.html"
LEFT_BEHIND = (SAMPLES, CONDITIONS, SUMMARY, MEMORY_PICTURE, PAGE)
"""What a run leaves, by name; the summary is written last."""


def set_aside(folder: Path, earlier: Path | None = None, keep: int = files.KEPT_RUNS) -> Path | None:
    """Move what an earlier run left in `folder` to a folder in `earlier`, which by default is `folder`'s own `earlier`.

    As `sadpath.files.set_aside`, named after the run's start time. Raises `OSError` if it cannot be moved.
    """
    started = read_conditions(folder / CONDITIONS).started
    return files.set_aside(folder, LEFT_BEHIND, earlier or folder / "earlier", started, keep)
