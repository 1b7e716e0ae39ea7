"""SECURITY.md keeps its word: each line that says what is done or not done has a test."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in SECURITY.splitlines() if re.match(r"\| [^|-]", line)]
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def defined_in(file: Path) -> set[str]:
    """Return the names of the tests that a file defines."""
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(("claim", "evidence"), ROWS, ids=[claim.strip()[:40] for claim, _ in ROWS])
def test_each_line_has_tests_that_exist(claim: str, evidence: str) -> None:
    """A test that was renamed is renamed there; a line without one is a promise."""
    assert claim.strip()
    assert NAMED.findall(evidence)
    assert not NAMED.sub("", evidence).replace("<br>", "").strip()
    for name, test in NAMED.findall(evidence):
        (file,) = (ROOT / "tests").rglob(name)
        assert test in defined_in(file)


def test_every_table_is_read() -> None:
    """So that a line in another form is none that nobody verifies."""
    assert len(ROWS) == SECURITY.count("`test_") - SECURITY.count("<br>")
    assert len(ROWS) > 20
