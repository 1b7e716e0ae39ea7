"""The real scenario: Locust as a user starts it, against real arms."""

import csv
import json
import signal
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from loadtest.ports import free_port, free_ports, is_listening
from loadtest.server import Server
from sadpath.lifeline import Child
from tests.loadtest.locust_runs import ROOT, locust, sent
from tests.waiting import PATIENCE_S, until


def test_with_processes_both_arms_get_the_same_load_and_the_leak_is_the_exit_status(
    arms: Sequence[Server], tmp_path: Path
) -> None:
    """A master and two workers, options from the environment; a 404 and a 401 are successes."""
    watch = [f"--sadpath-watch={arm.name}={arm.url}/metrics" for arm in arms]
    hosts = {f"DEMO_{arm.name.upper()}_HOST": arm.url for arm in arms}
    master = str(free_port())  # of its own, since Locust's usual one may be another master's
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "samples.csv").write_text("of a run that was killed")
    options = ["--processes", "2", "--master-bind-port", master, "--master-port", master, "--run-time", "10", "--json"]
    options += ["--sadpath-reports", str(tmp_path / "out"), *watch]
    result = locust(*options, DEMO_RATE="150", SADPATH_WARM_UP="2", **hosts)
    assert result.returncode == 1, result.stderr
    requests = sent(result)
    assert {name: failures for name, (_, failures) in requests.items()} == dict.fromkeys(requests, 0)
    reused, factory = (requests[f"{arm} users/42"][0] for arm in ("reused", "factory"))
    assert reused == pytest.approx(factory, rel=0.15)
    (earlier,) = (tmp_path / "out" / "earlier").iterdir()
    assert (earlier / "samples.csv").read_text() == "of a run that was killed"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["arms"]["reused"]["verdict"] == "leaks"
    assert summary["arms"]["factory"]["verdict"] != "leaks"  # ten seconds may be too short to call it flat
    assert summary["environment"]["starlette"]


def test_what_is_not_the_expected_error_is_a_failure(tmp_path: Path) -> None:
    """A service that answers 200 where a 404 is due has no error path to measure; a page that is gone is a gap."""

    class Well(BaseHTTPRequestHandler):
        scraped = False

        def do_GET(self) -> None:
            page = b""
            if "metrics" in self.path and not Well.scraped:  # the first scrape comes before the load
                page, Well.scraped = b"process_resident_memory_bytes 1e8\n", True
            self.send_response(500 if "metrics" in self.path and not page else 200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Well) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        options = ["--reused-host", url, "--factory-host", url, "--run-time", "3", "--json", "--sadpath-warm-up", "0"]
        result = locust(*options, "--sadpath-watch", f"reused={url}/metrics", "--sadpath-reports", str(tmp_path))
        server.shutdown()
    assert result.returncode == 3
    assert all(requests == failures > 0 for requests, failures in sent(result).values())
    rows = list(csv.DictReader((tmp_path / "samples.csv").read_text().splitlines()))
    assert len(rows) >= 3
    assert {row["missing"] for row in rows} == {f"500 from {url}/metrics"}


def test_an_arm_that_is_not_ours_is_refused_in_one_line() -> None:
    """Before the first request, naming the flag that would allow it."""
    result = locust("--factory-host=http://8.8.8.8", "--run-time", "1")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        "locust: 8.8.8.8 (8.8.8.8) is neither this machine nor on a private network; "
        "if you own it, add --sadpath-i-own-this-host"
    )


MOVED = """
from loadtest.locustfile import *


@events.init.add_listener
def after_all_others(environment, **_):
    environment.events.test_start.add_listener(move)


def move(environment, **_):
    environment.parsed_options.reused_host = "http://224.0.0.1"
"""
"""An arm moves after the last check at the start of the load, to where the kernel itself refuses to connect."""


def test_the_host_of_each_new_user_is_checked(tmp_path: Path) -> None:
    """A user asks where its arm is when it is created, whatever the address was when the load started."""
    (tmp_path / "moved.py").write_text(MOVED)
    result = locust("--run-time", "2", file=str(tmp_path / "moved.py"))
    assert result.returncode == 2
    assert [line for line in result.stderr.splitlines() if line.startswith("locust: 224.0.0.1 (224.0.0.1) is neither")]
    assert "unreachable" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_through_the_web_ui_the_load_can_be_changed_but_not_where_it_goes(tmp_path: Path) -> None:
    """Its rate is a field there; the address of an arm is none, and who may be loaded even less."""
    web, reused, factory = free_ports(3)
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py"), "--web-port", str(web)]
    command += [f"--reused-host=http://127.0.0.1:{reused}", f"--factory-host=http://127.0.0.1:{factory}"]
    process = Child(command, tmp_path / "log", {"PYTHONPATH": str(ROOT)})

    def swarm(**changes: str) -> tuple[int, str]:
        form = urlencode({"user_count": "1", "spawn_rate": "1", **changes}).encode()
        try:
            with urlopen(f"http://127.0.0.1:{web}/swarm", form, timeout=60) as answer:
                return answer.status, json.load(answer)["message"]
        except HTTPError as error:
            with error:
                return error.code, json.load(error)["message"]

    try:
        until(lambda: is_listening(web), PATIENCE_S, "the web UI")
        for name in ("reused_host", "factory_host", "sadpath_i_own_this_host"):
            assert swarm(**{name: "http://224.0.0.1"}) == (400, f"{name}: cannot be changed while Locust runs")
        status, message = swarm(rate="2", context_kb="1", users_per_arm="1")
        assert (status, message.partition(" using")[0]) == (200, "Swarming started")
    finally:
        process.stop(signal.SIGINT, PATIENCE_S)
