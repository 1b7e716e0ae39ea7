"""`sadpath check --writes` on a shop with three leaks, with nothing said about it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, Checked, check

LEAKS = [
    ("market.Errors.wrong_token", "reused exception"),
    ("market.FAILED_LOGINS", "no exception"),
    ("market.PAYMENTS", "kept exception"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """The check."""
    folder: Path = tmp_path_factory.mktemp("market")
    server = [sys.executable, "-m", "uvicorn", "market:app", "--port", str(free_port()), "--no-access-log"]
    return check(folder, "--writes", "--yes", "--budget", "300", "--", *server, cwd=HERE / "services")


@pytest.mark.slow
@pytest.mark.parametrize(("held_by", "kind"), LEAKS)
def test_each_leak_is_found(found: Checked, held_by: str, kind: str) -> None:
    """One in a dependency, one by the names of those who fail to log in, and one on tasks."""
    causes = [one["cause"] for one in found.summary["paths"] if one["verdict"] == "leaks"]
    assert (held_by, kind) in {(one["held_by"], one["kind"]) for one in causes}


@pytest.mark.slow
def test_nothing_else_leaks_or_is_left_open(found: Checked) -> None:
    """All other paths are flat."""
    others = [one["verdict"] for one in found.summary["paths"] if one["cause"] is None]
    assert set(others) == {"flat"}
    assert len({one["cause"]["held_by"] for one in found.summary["paths"] if one["cause"]}) <= len(LEAKS)
