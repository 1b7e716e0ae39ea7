"""A check for CI, as JUnit XML: one test case per error path."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from sadpath.check.report.console import cause_lines
from sadpath.check.result import Check, PathResult
from sadpath.files import write_xml
from sadpath.text import visible


def write_junit(path: Path, check: Check) -> None:
    """Write the check to `path`. Raises `OSError`. A leak is a failure, unless it was accepted; see `junit`."""
    write_xml(path, junit(check))


def junit(check: Check) -> Element:
    """Return the test suite: leaks are failures, inconclusive paths errors, and accepted leaks are skipped."""
    suite = Element("testsuite", name="sadpath check", tests=str(len(check.results)), time=f"{check.seconds:.1f}")
    for result in check.worst_first:
        case = SubElement(suite, "testcase", classname=visible(check.target), name=visible(result.path.name))
        kind = _kind(result, check)
        if kind:
            found = SubElement(case, kind, message=visible(result.verdict.reason), type=result.verdict.outcome)
            found.text = "\n".join(map(visible, _lines(result)))
        else:
            SubElement(case, "system-out").text = visible(result.verdict.sentence)
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
    return suite


def _kind(result: PathResult, check: Check) -> str:
    if result.path.name in check.accepted:
        return "skipped"
    return {"leaks": "failure", "inconclusive": "error", "flat": ""}[result.verdict.outcome]


def _lines(result: PathResult) -> list[str]:
    return [result.verdict.sentence, *(line for cause in result.causes for line in cause_lines(cause))]
