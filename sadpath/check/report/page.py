"""A check for people: one page of HTML, complete in itself."""

from __future__ import annotations

from pathlib import Path

from sadpath.check.report.console import cause_lines, figure, service_lines, summary_line, verdict_name
from sadpath.check.result import Check
from sadpath.files import write_whole
from sadpath.pages import templates

_TEMPLATES = templates("sadpath.check.report")


def write_page(path: Path, check: Check) -> None:
    """Write the page; a reader finds it complete or not at all. Raises `OSError`."""
    write_whole(path, page(check).encode())


def page(check: Check) -> str:
    """Return the page: what was decided, the table, a block for each leak, and the conditions."""
    return _TEMPLATES.get_template("check.html").render(
        check=check,
        headline=summary_line(check),
        figure=figure,
        verdict_name=verdict_name,
        cause_lines=cause_lines,
        service_lines=list(service_lines(check)),
    )
