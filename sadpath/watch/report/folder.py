"""The folder of a run: its report, the names of its files, and the place of earlier runs."""

from __future__ import annotations

from pathlib import Path

from sadpath import files
from sadpath.watch.report.rows import chart_rows
from sadpath.watch.report.summary import write_summary
from sadpath.watch.run import CONDITIONS, SAMPLES, Run, read_conditions, read_run

SUMMARY = "summary.json"
MEMORY_PICTURE = "memory.png"
PAGE = "report.html"
LEFT_BEHIND = (SAMPLES, CONDITIONS, SUMMARY, MEMORY_PICTURE, PAGE)
"""What a run leaves, by name; the summary is written last."""


def write_report(folder: Path) -> Run:
    """Write summary, picture and page of the run in `folder` beside its samples, and return the run.

    Raises `FileNotFoundError` without samples, `ValueError` for a file of something else, and `OSError` where a file
    cannot be written; then none of the report is incomplete.
    """
    from sadpath.watch.report.charts import memory_picture  # noqa: PLC0415 - altair takes a second to import
    from sadpath.watch.report.page import report_page  # noqa: PLC0415

    run = read_run(folder)
    rows = chart_rows(run)
    files.write_whole(folder / MEMORY_PICTURE, memory_picture(run, rows))
    files.write_whole(folder / PAGE, report_page(run, rows).encode())
    write_summary(folder / SUMMARY, run)
    return run


def set_aside(folder: Path, earlier: Path | None = None, keep: int = files.KEPT_RUNS) -> Path | None:
    """Move what an earlier run left in `folder` to a folder in `earlier`, which by default is `folder`'s own `earlier`.

    As `sadpath.files.set_aside`, named after the run's start time. Raises `OSError` if it cannot be moved.
    """
    started = read_conditions(folder / CONDITIONS).started
    return files.set_aside(folder, LEFT_BEHIND, earlier or folder / "earlier", started=started, keep=keep)
