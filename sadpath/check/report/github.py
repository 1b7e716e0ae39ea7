"""A check in GitHub Actions: a summary of the job, and an annotation at each raise site.

Both are files and lines that the runner reads: GITHUB_STEP_SUMMARY, and workflow commands on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from sadpath.check.report.console import cause_lines, figure, service_lines, short_path, summary_line
from sadpath.check.result import Check, PathResult
from sadpath.text import markdown, markdown_block, workflow_message, workflow_property


def write_for_github(check: Check) -> None:
    """Write both, if this runs in GitHub Actions."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    for line in error_commands(check):
        sys.stdout.write(line + "\n")
    if file_name := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(file_name).open("a", encoding="utf-8") as file:
            file.write("\n".join(summary(check)) + "\n")


def error_commands(check: Check) -> Iterator[str]:
    """Yield a workflow command for each leak: at its first raise site in the repository, where one is known."""
    for result in check.new_leaks:
        sites = [site for cause in result.causes for site in cause.raised_at]
        inside = [site for site in sites if not Path(short_path(site.file)).is_absolute()]
        where = f"file={workflow_property(short_path(inside[0].file))},line={inside[0].line}," if inside else ""
        lines = [result.verdict.figures, *(line for cause in result.causes for line in cause_lines(cause))]
        title = workflow_property(f"{result.path.name} leaks")
        yield f"::error {where}title={title}::{workflow_message(lines)}"


def summary(check: Check) -> Iterator[str]:
    """Yield the summary of the job: a table, worst first, and what is to blame."""
    yield f"### Sadpath: {summary_line(check)}"
    yield ""
    yield "| error path | verdict | bytes/request | entries/request |"
    yield "|---|---|---|---|"
    yield from map(_row, check.worst_first)
    for result in check.worst_first:
        if result.causes:
            yield from ("", f"**{markdown(result.path.name)}**", "")
            yield markdown_block(line for one in result.causes for line in cause_lines(one))
    if check.background:
        yield from ("", markdown_block(service_lines(check)))


def _row(result: PathResult) -> str:
    verdict = result.verdict
    cells = (
        markdown(result.path.title),
        verdict.outcome,
        figure(verdict.bytes_per_request),
        figure(verdict.traceback_entries_per_request, 1),
    )
    return f"| {' | '.join(cells)} |"
