"""Reports of a run: for programs (JSON), CI (JUnit), slides (PNG), people (HTML) and terminals.

What draws is imported when something is drawn.
"""

from __future__ import annotations

from pathlib import Path

from sadpath.files import write_whole
from sadpath.watch.report.folder import LEFT_BEHIND, MEMORY_PICTURE, PAGE, SUMMARY, set_aside
from sadpath.watch.report.rows import chart_rows
from sadpath.watch.report.summary import summary, write_summary
from sadpath.watch.run import CONDITIONS, SAMPLES, Run, read_run

__all__ = [
    "CONDITIONS",
    "LEFT_BEHIND",
    "MEMORY_PICTURE",
    "PAGE",
    "SAMPLES",
    "SUMMARY",
    "Run",
    "read_run",
    "set_aside",
    "summary",
    "write_report",
]


def write_report(folder: Path) -> Run:
    """Write summary, picture and page of the run in `folder` beside its samples, and return the run.

    Raises `FileNotFoundError` without samples, `ValueError` for a file of something else, and `OSError` where a file
    cannot be written; then none of the report is incomplete.
    """
    from sadpath.watch.report.page import report_page  # noqa: PLC0415 - altair takes a second to import
    from sadpath.watch.report.picture import memory_picture  # noqa: PLC0415

    run = read_run(folder)
    rows = chart_rows(run)
    write_whole(folder / MEMORY_PICTURE, memory_picture(run, rows))
    write_whole(folder / PAGE, report_page(run, rows).encode())
    write_summary(folder / SUMMARY, run)
    return run
