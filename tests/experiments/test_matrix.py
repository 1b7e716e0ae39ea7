"""`make matrix`: what counts as a mistake of `sadpath check`, and the page that says so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from experiments.commands import run
from experiments.twins.matrix import CheckAnswer, CheckRow, matrix_json, matrix_page
from sadpath.verdict.verdict import Outcome

LAB = "service.errors.Errors.user_not_found"


def row(variant: str, expected: Outcome, found: Outcome, held_by: str = "") -> CheckRow:
    """A variant on some runtime."""
    twin, slug = variant.split("/")
    return CheckRow(twin, slug, "3.11", "1.9.0", None, CheckAnswer(expected, found, held_by=held_by))


@pytest.mark.parametrize(
    ("held_by", "named"),
    [(LAB, True), ("lru_cache of service.twins.error_cache.find", True), ("", False), ("logging.root", False)],
)
def test_an_object_is_named_if_it_is_the_labs_own(held_by: str, *, named: bool) -> None:
    """By the name that it has in the source."""
    assert CheckAnswer("leaks", "leaks", held_by=held_by).is_named is named


def test_the_page_counts_mistakes_and_lists_them() -> None:
    """What was undecided is no mistake, and is listed too."""
    rows = [
        row("a/reused", "leaks", "leaks", LAB),
        row("b/reused", "leaks", "flat"),
        row("c/fixed", "flat", "flat"),
        row("d/fixed", "flat", "inconclusive"),
        row("e/reused", "leaks", "leaks", "somewhere.else"),
    ]
    page = re.sub(" +", " ", matrix_page(rows, {"python": "3.11.7"}))
    assert "| leaks | 2 | 1 | 0 | 1 of 2 |" in page
    assert "| flat | 0 | 1 | 1 | |" in page
    assert "| Python 3.11, Starlette 1.9.0 | 5 | 3 | 1 | 1 |" in page
    assert "| b/reused | Python 3.11, Starlette 1.9.0 | leaks | flat | – |" in page
    assert "| e/reused | Python 3.11, Starlette 1.9.0 | leaks | leaks | somewhere.else |" in page
    assert "c/fixed" not in page


def test_the_file_has_what_was_expected_and_found_of_each_variant() -> None:
    """By the names that scripts know, whether or not the object was named."""
    (written,) = matrix_json([row("a/reused", "leaks", "leaks", LAB)])["rows"]
    assert written == {
        "runtime": "Python 3.11, Starlette 1.9.0",
        "variant": "a/reused",
        "expected": "leaks",
        "found": "leaks",
        "kind": "",
        "held_by": LAB,
        "alone": False,
        "named": True,
    }


def test_a_wrong_command_leaves_the_earlier_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 in one line, and the file is as it was."""
    (tmp_path / "matrix.json").write_text("earlier")
    assert run(["matrix", "--python", "/no/python", "--reports", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("matrix: /no/python is not a CPython that runs here")
    assert (tmp_path / "matrix.json").read_text() == "earlier"


@pytest.mark.slow
def test_no_variant_is_judged_wrongly_on_this_python(tmp_path: Path) -> None:
    """On the newest Starlette: leaky and fixed told apart without one mistake, each object named."""
    options = ["--python", sys.executable, "--starlette", "1.10.0", "--skip-alone", "--budget", "150"]
    assert run(["matrix", *options, "--reports", str(tmp_path), "--page", str(tmp_path / "page.md")]) == 0
    assert "Each variant was decided as expected, and each object named." in (tmp_path / "page.md").read_text()
