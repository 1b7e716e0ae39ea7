"""The folder of a run: the names of its files, and the place of earlier runs."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sadpath.watch.conditions import read_conditions
from sadpath.watch.run import CONDITIONS, SAMPLES

SUMMARY = "summary.json"
MEMORY_PICTURE = "memory.png"
PAGE = "report.html"
LEFT_BEHIND = (SAMPLES, CONDITIONS, SUMMARY, MEMORY_PICTURE, PAGE)
"""What a run leaves, by name; the summary is written last."""

EARLIER = "earlier"
KEPT_RUNS = 10


def set_aside(folder: Path, earlier: Path | None = None, keep: int = KEPT_RUNS) -> Path | None:
    """Move what an earlier run left in `folder` to a folder in `earlier`, which by default is in `folder` itself.

    It is named after the run's start time. Only the newest `keep` runs are kept there. Return the new folder, or None
    if there was no earlier run. Raises `OSError` if it cannot be moved.
    """
    left = [folder / name for name in LEFT_BEHIND if (folder / name).exists()]
    if not left:
        return None
    earlier = earlier or folder / EARLIER
    destination = _unused(earlier / _started(folder, left[0]))
    destination.mkdir(parents=True)
    for path in left:
        shutil.move(path, destination / path.name)
    for oldest in sorted(path for path in earlier.iterdir() if path.is_dir())[:-keep]:
        shutil.rmtree(oldest)
    return destination


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that a reader finds complete or not at all. Raises `OSError`; then what was there still is."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _started(folder: Path, of_run: Path) -> str:
    """Return a run's start time as a name for a folder, valid on Windows too; of a run without one, its last change."""
    known = read_conditions(folder / CONDITIONS).started
    started = known or datetime.fromtimestamp(of_run.stat().st_mtime, UTC).isoformat(timespec="seconds")
    return started.partition("+")[0].replace(":", "-")


def _unused(path: Path) -> Path:
    names = [path, *(path.with_name(f"{path.name}_{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())
