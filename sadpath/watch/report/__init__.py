"""Reports of a run: for programs (JSON), CI (JUnit), slides (PNG), people (HTML) and terminals.

What draws is imported when something is drawn.
"""

from sadpath.watch.report.folder import LEFT_BEHIND, MEMORY_PICTURE, PAGE, SUMMARY, set_aside, write_report
from sadpath.watch.report.summary import summary
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
