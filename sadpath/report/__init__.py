"""Reports of a run: for programs (JSON), CI (JUnit), slides (PNG), people (HTML) and terminals.

What draws is imported when something is drawn.
"""

from __future__ import annotations

from pathlib import Path

from sadpath.report.folder import LEFT_BEHIND, MEMORY_PICTURE, PAGE, SUMMARY, set_aside
from sadpath.report.summary import figures, summary, write_summary
from sadpath.verdict.run import CONDITIONS, SAMPLES, Run, read_run

__all__ = [
    "CONDITIONS",
    "LEFT_BEHIND",
    "MEMORY_PICTURE",
    "PAGE",
    "SAMPLES",
    "SUMMARY",
    "Run",
    "figures",
    "read_run",
    "set_aside",
    "summary",
    "write_report",
]


def write_report(folder: Path) -> Run:
    """Write summary, picture and page of the run in `folder` beside its samples, and return the run.

    Raises `FileNotFoundError` without samples, and `ValueError` for a file of something else.
    """
    from sadpath.report.page import report_page  # noqa: PLC0415 - altair takes a second to import
    from sadpath.report.picture import memory_picture  # noqa: PLC0415

    run = read_run(folder)
    (folder / MEMORY_PICTURE).write_bytes(memory_picture(run))
    (folder / PAGE).write_text(report_page(run), encoding="utf-8")
    write_summary(folder / SUMMARY, run)
    return run
