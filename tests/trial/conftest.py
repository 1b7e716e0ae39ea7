"""What `make trial` prints in the end: how often each thing was tried, how often it failed, and what was left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.leftovers import Leftovers

Record = Callable[[str, object], None]
"""Notes a property of a test."""

COLUMNS = ("tried", "failed", "left")
"""The properties of a test that are counted; `left` are the processes, files and folders that outlived a trial."""


@pytest.fixture(autouse=True)
def trial(request: pytest.FixtureRequest, record_property: Record) -> None:
    """Count the test where it is a trial, and not the representative of some, or a test of what the trials rely on."""
    if request.node.get_closest_marker("trial"):
        record_property("tried", 1)


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Leftovers]:
    """What a trial leaves; it ends with the test."""
    left = Leftovers(tmp_path / "temporary")
    yield left
    left.end()


def assert_none_left(left: Leftovers, record_property: Record) -> None:
    """Fail, with their names, unless all are gone in time; what is not is counted."""
    try:
        left.assert_none()
    finally:
        record_property("left", len(left.processes()) + len(left.files()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each kind of trial."""
    if counted := counts(one for several in terminalreporter.stats.values() for one in several if has_ended(one)):
        terminalreporter.section("trials")
        terminalreporter.write_line("\n".join(table(counted)))


def has_ended(report: object) -> bool:
    """Whether it says how a test went: its call, or what kept it from that."""
    return isinstance(report, pytest.TestReport) and (
        report.when == "call" or (report.when == "setup" and report.failed)
    )


def counts(reports: Iterable[pytest.TestReport]) -> dict[str, Counter[str]]:
    """Return the counts of each kind of trial, in the words of its test's name, in the order of the trials."""
    counted: dict[str, Counter[str]] = {}
    for report in reports:
        properties = Counter({name: int(str(value)) for name, value in report.user_properties if name in COLUMNS})
        if properties["tried"]:
            what = report.nodeid.partition("::")[2].partition("[")[0].removeprefix("test_").replace("_", " ")
            properties["failed"] = int(report.failed)
            counted.setdefault(what, Counter()).update(properties)
    return counted


def table(counted: dict[str, Counter[str]]) -> list[str]:
    """Return the lines of the table, with what was tried behind its figures."""
    lines = [(*COLUMNS, "what"), *((*(f"{one[name]:,}" for name in COLUMNS), what) for what, one in counted.items())]
    return ["".join(f"{word:>8}" for word in line[:-1]) + f"  {line[-1]}" for line in lines]
