"""The check is a guest in the service: it runs none of its code, and finds what the service has hidden."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.check.service.listening import is_taken
from sadpath.check.service.probes import Probes
from sadpath.check.service.start import INJECT
from tests.check.conftest import HERE, check
from tests.waiting import PATIENCE_S, until

SERVES = """
import sys
from wsgiref.simple_server import make_server
import plain
make_server("127.0.0.1", int(sys.argv[1]), plain.wsgi).serve_forever()
"""


@contextmanager
def serving(**environment: str) -> Iterator[int]:
    """The port of a service that runs with these variables."""
    port = free_port()
    command = [sys.executable, "-c", SERVES, str(port)]
    with subprocess.Popen(command, cwd=HERE / "services", env={**os.environ, **environment}) as process:
        try:
            until(lambda: is_taken(port), PATIENCE_S, "it listens")
            yield port
        finally:
            process.terminate()


def answers(port: int) -> list[tuple[int, list[tuple[str, str]], bytes]]:
    """What it answers to requests of each kind, but for the time of day."""
    found = []
    for method, path in [("GET", "/leak"), ("GET", "/fresh"), ("POST", "/leak"), ("GET", "/sadpath"), ("PUT", "/")]:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        connection.request(method, path)
        answer = connection.getresponse()
        headers = [(name, value) for name, value in answer.getheaders() if name != "Date"]
        found.append((answer.status, headers, answer.read()))
        connection.close()
    return found


def test_the_service_answers_as_it_does_without_the_probe(tmp_path: Path) -> None:
    """With the same status, headers and body, and it knows no path more."""
    probes = Probes(tmp_path)
    with serving(PYTHONPATH=".") as plain, serving(PYTHONPATH=f"{INJECT}:.", SADPATH_PROBE=str(tmp_path)) as probed:
        without, with_it = answers(plain), answers(probed)
        assert probes.settle().in_use
        assert answers(probed) == with_it == without


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
