"""The check is a guest in the service: it runs none of its code, and finds what the service has hidden."""

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, check


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


FREEZES = """
import gc, sys
from wsgiref.simple_server import make_server
import plain
gc.freeze()
make_server("127.0.0.1", int(sys.argv[1]), plain.wsgi).serve_forever()
"""


@pytest.mark.slow
def test_an_exception_that_the_service_has_frozen_is_to_blame(tmp_path: Path) -> None:
    """`gc.freeze` hides it from the collector's list of all objects."""
    services = HERE / "services"
    command = [sys.executable, "-c", FREEZES, str(free_port())]
    options = ["--budget", "10", "--request", "GET /leak"]
    found = check(tmp_path, *options, "--", *command, cwd=services, PYTHONPATH=str(services))
    cause = found.path("GET /leak 403")["cause"]
    assert (cause["kind"], cause["held_by"]) == ("reused exception", "plain.Errors.refused")
