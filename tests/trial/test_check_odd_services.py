"""A check of a service that answers, or describes itself, as it likes ends in time, in words, and leaves nothing."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.trial.odd_service import ANSWERS, DESCRIPTIONS, ODD
from tests.trial.running_check import running_check

HONEST = {Status.OK, Status.WRONG_COMMAND, Status.INCONCLUSIVE, Status.FAILED}
"""What a check may say of a service that does not leak."""

QUICK = "[limits]\ntimeout_s = 1\nbudget_s = 5\n"


def judge(kind: str, folder: Path, *options: str) -> list[str]:
    """Check a service of this kind; return what is left."""
    (folder / "quick.toml").write_text(QUICK)
    service = [sys.executable, "-m", "tests.trial.odd_service", str(free_port()), kind]
    with running_check(folder, "--config", str(folder / "quick.toml"), *options, "--", *service) as check:
        ended = check.finish()
        said = ended.output + ended.errors
        assert ended.status in HONEST, ended
        assert ended.errors or ended.status in {Status.OK, Status.INCONCLUSIVE}
        assert not {one for one in said if not one.isprintable() and one != "\n"}
        return check.left()


@pytest.mark.slow
def test_a_check_of_headers_without_an_end_ends(tmp_path: Path) -> None:
    """The representative of those below."""
    assert judge("without an end: headers", tmp_path, "--request", f"GET {ODD}") == []


@pytest.mark.trial
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_hostile_answer_is_told_in_words_and_leaves_nothing(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """No HTTP, without an end, slowly, or not what it says that it is."""
    left = judge(kind, tmp_path, "--request", f"GET {ODD}")
    record_property("left", len(left))
    assert left == []


@pytest.mark.trial
@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_a_hostile_description_is_told_in_words_and_leaves_nothing(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """None, too large or too deep a one, one that refers to a stranger, one whose texts are no words."""
    left = judge(kind, tmp_path)
    record_property("left", len(left))
    assert left == []
