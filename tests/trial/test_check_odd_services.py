"""A check of a service that answers, or describes itself, as it likes ends in time, in words, and leaves nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.leftovers import Leftovers
from tests.running_demo import ROOT
from tests.trial.conftest import Record, assert_none_left
from tests.trial.odd_service import ANSWERS, DESCRIPTIONS, ODD
from tests.waiting import PATIENCE_S

HONEST = {Status.OK, Status.WRONG_COMMAND, Status.INCONCLUSIVE, Status.FAILED}
"""What a check may say of a service that does not leak."""

QUICK = "[limits]\ntimeout_s = 1\nbudget_s = 5\n"


def judge(kind: str, left: Leftovers, folder: Path, *options: str) -> None:
    """Check a service of this kind: it ends with a status that is no leak's, and prints lines that can be seen."""
    (folder / "quick.toml").write_text(QUICK)
    service = [sys.executable, "-m", "tests.trial.odd_service", str(free_port()), kind]
    typed = [sys.executable, "-m", "sadpath", "check", "--config", str(folder / "quick.toml"), *options, "--", *service]
    done = subprocess.run(
        typed, cwd=ROOT, env=left.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in HONEST, said
    assert not {one for one in said if not one.isprintable() and one != "\n"}
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_check_of_headers_without_an_end_ends(left: Leftovers, tmp_path: Path) -> None:
    """The representative of those below."""
    judge("without an end: headers", left, tmp_path, "--request", f"GET {ODD}")
    left.assert_none()


@pytest.mark.trial
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_hostile_answer_is_told_in_words_and_leaves_nothing(
    kind: str, left: Leftovers, tmp_path: Path, record_property: Record
) -> None:
    """No HTTP, without an end, slowly, or not what it says that it is."""
    judge(kind, left, tmp_path, "--request", f"GET {ODD}")
    assert_none_left(left, record_property)


@pytest.mark.trial
@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_a_hostile_description_is_told_in_words_and_leaves_nothing(
    kind: str, left: Leftovers, tmp_path: Path, record_property: Record
) -> None:
    """None, too large or too deep a one, one that refers to a stranger, one whose texts are no words."""
    judge(kind, left, tmp_path)
    assert_none_left(left, record_property)
