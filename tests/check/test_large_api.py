"""`sadpath check` on a service with 200 error paths, a heap of a million objects, and a thread that allocates."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, Checked, check
from tests.check.large_api import LEAKING, PATHS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """The check, with more time than two quiet cores need, which is 60 s."""
    folder: Path = tmp_path_factory.mktemp("large")
    server = [sys.executable, "-m", "uvicorn", "large_api:app", "--port", str(free_port()), "--no-access-log"]
    return check(folder, "--budget", "600", "--", *server, cwd=HERE)


def test_each_path_that_leaks_is_found_and_no_other(found: Checked) -> None:
    """Five of two hundred, and all others are flat."""
    leaks = {one["path"] for one in found.summary["paths"] if one["verdict"] == "leaks"}
    assert leaks == {f"/leaks/{number}/{{item}}" for number in LEAKING}
    flat = [one for one in found.summary["paths"] if one["verdict"] == "flat"]
    assert len(flat) >= PATHS - len(LEAKING)
    assert {one["verdict"] for one in found.summary["paths"]} == {"leaks", "flat"}


def test_the_three_causes_are_named(found: Checked) -> None:
    """One object that three paths raise again, a list, and a dictionary."""
    causes = {one["cause"]["held_by"] for one in found.summary["paths"] if one["cause"]}
    assert causes == {"large_api.NO_TOKEN", "large_api.FAILURES", "large_api.QUOTES"}


def test_most_are_measured_together(found: Checked) -> None:
    """And say with how many others."""
    together = [one["measured_together"] for one in found.summary["paths"] if one["verdict"] == "flat"]
    assert sum(count > 1 for count in together) > len(together) / 2
