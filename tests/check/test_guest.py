"""The check is a guest in the service: it runs none of its code."""

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import check


@pytest.mark.slow
def test_a_whole_check_calls_no_code_of_the_users(tmp_path: Path) -> None:
    """Whatever its classes define: neither as it measures, nor as it looks for what is to blame."""
    calls = tmp_path / "calls"
    calls.touch()
    requests = [part for path in ("/reused", "/kept", "/circle") for part in ("--request", f"GET {path}")]
    command = [sys.executable, "-m", "tests.probe.hooked", str(free_port())]
    found = check(tmp_path, "--budget", "20", *requests, "--", *command, HOOKED_CALLS=str(calls))
    assert found.path("GET /reused 404")["cause"]["held_by"] == "__main__.REUSED"
    assert calls.read_text() == ""
