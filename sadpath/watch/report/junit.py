"""A run for CI, as JUnit XML: one test case per arm."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from sadpath.files import write_xml
from sadpath.text import visible
from sadpath.verdict.verdict import Verdict
from sadpath.watch.run import Run


def write_junit(path: Path, run: Run) -> None:
    """Write the run to `path`. Raises `OSError`.

    A leak is a failure. Inconclusive is an error or, where the run allows it, a skipped test; with the reason.
    """
    write_xml(path, junit(run))


def junit(run: Run) -> Element:
    """Return the test suite."""
    outcomes = [verdict.outcome for verdict in run.verdicts.values()]
    inconclusive, allowed = outcomes.count("inconclusive"), run.conditions.allow_inconclusive
    suite = Element("testsuite", name="sadpath", tests=str(len(outcomes)), time=f"{run.duration_s:.1f}")
    suite.set("failures", str(outcomes.count("leaks")))
    suite.set("errors", str(0 if allowed else inconclusive))
    suite.set("skipped", str(inconclusive if allowed else 0))
    if run.conditions.started:
        suite.set("timestamp", run.conditions.started)
    for arm, verdict in run.verdicts.items():
        case = SubElement(suite, "testcase", classname="sadpath", name=visible(arm), time=f"{run.duration_s:.1f}")
        _add_result(case, verdict, "skipped" if allowed else "error")
    return suite


def _add_result(case: Element, verdict: Verdict, inconclusive: str) -> None:
    if verdict.outcome == "flat":
        SubElement(case, "system-out").text = visible(verdict.sentence)
        return
    kind = "failure" if verdict.outcome == "leaks" else inconclusive
    result = SubElement(case, kind, message=visible(verdict.reason), type=verdict.outcome)
    result.text = visible(verdict.sentence)
