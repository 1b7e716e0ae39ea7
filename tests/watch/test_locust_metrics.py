"""Locust's own figures, from real statistics and from a real Locust."""

import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from loadtest.ports import free_port, free_ports
from sadpath.lifeline import Child
from sadpath.watch.locust_metrics import BOUNDS_MS, Latencies, LocustCollector, add_metrics_page
from sadpath.watch.sample_file import Latency
from tests.waiting import until

if TYPE_CHECKING:
    from locust.env import Environment

LOCUSTFILE = """
from locust import FastHttpUser, constant, events, task
from sadpath.plugins.locust import register

register(events)


class Client(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def missing(self):
        with self.client.get("/", name="reused users/42", catch_response=True) as response:
            response.success()

    @task
    def broken(self):
        self.client.get("/", name="factory users/42")
"""


def registry(environment: "Environment", *arms: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LocustCollector(environment, arms))
    return registry


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> "Environment":
    """Statistics of three requests to one arm, two of them failures, and of one to another."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # the other tests need their sockets and threads as they are
    from locust.env import Environment  # noqa: PLC0415

    environment = Environment()
    for time_ms in (1, 30, 30):
        environment.stats.log_request("GET", "reused users/42", time_ms, 0)
    environment.stats.log_error("GET", "reused users/42", "expected 404, got 500")
    environment.stats.log_error("GET", "reused session", "expected 401, got 500")
    environment.stats.log_request("GET", "factory users/42", 20_000, 0)
    return environment


def test_requests_and_failures_are_counted_by_arm(environment: "Environment") -> None:
    """Over all of an arm's requests, by the first word of their name."""
    metrics = registry(environment, "reused", "factory")
    counts = [
        metrics.get_sample_value(name, {"arm": arm})
        for name in ("locust_requests_total", "locust_failures_total")
        for arm in ("reused", "factory")
    ]
    assert counts == [3, 1, 2, 0]


def test_response_times_are_a_histogram_in_seconds(environment: "Environment") -> None:
    """A bound holds what is exactly on it, and the last holds all."""
    metrics = registry(environment, "reused", "factory")
    name = "locust_response_time_seconds"
    buckets = {
        (arm, le): metrics.get_sample_value(f"{name}_bucket", {"arm": arm, "le": le})
        for arm, le in [
            ("reused", "0.001"),
            ("reused", "0.025"),
            ("reused", "0.05"),
            ("factory", "10.0"),
            ("factory", "+Inf"),
        ]
    }
    assert list(buckets.values()) == [1, 1, 3, 0, 1]
    assert metrics.get_sample_value(f"{name}_sum", {"arm": "reused"}) == pytest.approx(0.061)


def test_the_bounds_are_whole_milliseconds_in_order() -> None:
    """What Locust keeps."""
    assert list(BOUNDS_MS) == sorted(set(map(int, BOUNDS_MS)))


@pytest.mark.parametrize(("arms", "expected"), [((), {"all": 4}), (("shop",), {"shop": 4})])
def test_where_there_is_no_pair_all_requests_are_one_arm(
    environment: "Environment", arms: tuple[str, ...], expected: Mapping[str, float]
) -> None:
    """Nothing is watched, or one service alone, whose requests need not bear its name."""
    metrics = registry(environment, *arms)
    families = {family.name: family for family in metrics.collect()}
    assert {sample.labels["arm"]: sample.value for sample in families["locust_requests"].samples} == expected


def test_a_request_of_no_watched_service_is_not_lost(environment: "Environment") -> None:
    """It is the arm `other`: a failure that nobody counts would be a lie. A word's beginning is not the word."""
    environment.stats.log_request("GET", "reusedness", 5, 0)
    metrics = registry(environment, "reused", "factory")
    assert metrics.get_sample_value("locust_requests_total", {"arm": "other"}) == 1


def test_before_the_first_request_there_are_zeros(environment: "Environment") -> None:
    """A rate has a beginning then; there is no runner yet, and so no user."""
    environment.stats.clear_all()
    metrics = registry(environment, "reused", "factory")
    assert metrics.get_sample_value("locust_requests_total", {"arm": "factory"}) == 0
    assert metrics.get_sample_value("locust_users") == 0


@pytest.mark.parametrize("times_ms", [[30], [30, 100], [30, 100, 100]])
def test_statistics_that_were_reset_have_no_latency_until_the_next_sample(
    environment: "Environment", times_ms: list[int]
) -> None:
    """Which are new cannot be told from those before, however many came since; afterwards it is known again."""
    latencies = Latencies(environment, ["reused", "factory"])
    assert latencies.of("reused") == Latency(30, 30)
    environment.stats.reset_all()
    for time_ms in times_ms:
        environment.stats.log_request("GET", "reused users/42", time_ms, 0)
    assert latencies.of("reused") == Latency()
    assert latencies.of("reused") == Latency()  # nothing is new
    environment.stats.log_request("GET", "reused users/42", 70, 0)
    assert latencies.of("reused") == Latency(70, 70)


@pytest.fixture
def service() -> Iterator[str]:
    """A server that answers 404, but for its metrics."""

    class Sad(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b"process_resident_memory_bytes 1e8\n" * (self.path == "/metrics")
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Sad) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def page(url: str) -> dict[tuple[str, str], float]:
    """Each series of a page by its name and its arm; nothing while there is no page."""
    try:
        with urlopen(url, timeout=5) as response:
            families = text_string_to_metric_families(response.read().decode())
    except OSError:
        return {}
    return {
        (sample.name, sample.labels.get("arm", "")): sample.value for family in families for sample in family.samples
    }


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["alone", "master and workers"])
def test_locust_publishes_what_it_does(tmp_path: Path, service: str, processes: list[str]) -> None:
    """On its web UI, beside its own pages; a master holds the statistics of its workers."""
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    port, master_port = free_ports(2)
    command = [sys.executable, "-m", "locust", "-f", str(tmp_path / "locustfile.py"), "--host", service, "--autostart"]
    command += ["--users", "4", "--spawn-rate", "4", "--web-host", "127.0.0.1", "--web-port", str(port), *processes]
    command += [f"--sadpath-watch={arm}={service}/metrics" for arm in ("reused", "factory")]
    command += ["--sadpath-reports", str(tmp_path / "reports"), "--master-port", str(master_port)]
    command += ["--master-bind-port", str(master_port)]
    locust = Child(command, tmp_path / "locust.log")
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        until(lambda: page(url).get(("locust_failures_total", "factory"), 0) > 5, 60, "failures on the page")
        figures = page(url)
        with urlopen(Request(url, headers={"Accept": "application/openmetrics-text"}), timeout=5) as response:
            assert response.headers["Content-Type"].startswith("application/openmetrics-text")
            assert response.read().endswith(b"# EOF\n")
    finally:
        locust.stop()
    assert figures["locust_users", ""] == 4
    assert figures["locust_failures_total", "reused"] == 0
    for arm in ("reused", "factory"):
        answered = figures["locust_response_time_seconds_count", arm]
        assert answered == figures["locust_requests_total", arm] > 0


def test_a_locustfile_without_a_watch_has_the_page_too(tmp_path: Path, service: str) -> None:
    """All its requests are one arm."""
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "locust", "-f", str(tmp_path / "locustfile.py"), "--host", service, "--autostart"]
    locust = Child([*command, "--web-host", "127.0.0.1", "--web-port", str(port)], tmp_path / "locust.log")
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        until(lambda: page(url).get(("locust_requests_total", "all"), 0) > 3, 60, "requests on the page")
    finally:
        locust.stop()


def test_a_worker_and_a_headless_locust_have_no_page_and_do_not_mind(tmp_path: Path, service: str) -> None:
    """There is no web UI to put it on."""
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    master = str(free_port())  # of its own, since Locust's usual one may be another master's
    command = [sys.executable, "-m", "locust", "-f", str(tmp_path / "locustfile.py"), "--host", service, "--headless"]
    command += ["--processes", "1", "--master-port", master, "--master-bind-port", master]
    locust = Child(command, tmp_path / "locust.log")
    try:
        failed = re.compile(r"factory users/42 +[1-9]\d* +[1-9]")
        until(lambda: failed.search(locust.log.read_text()), 60, "failures in the master's table")
        log = locust.log.read_text()  # before it is interrupted, wherever it is then
    finally:
        status = locust.stop(signal.SIGINT, 30)
    assert status == 1  # its failures, as without the plugin
    assert "Traceback" not in log


UNCLEAR = [
    "text/plain;version=new",
    "text/plain;version=1..0",
    "text/plain;version",
    "text/plain;version=1.0.0;escaping",
    "application/openmetrics-text;version=new",
    "application/openmetrics-text;version",
    "application/openmetrics-text;version=1.0.0;escaping=unknown",
    ";;;,,,==",
]
"""`Accept` headers that no client of Prometheus sends."""


@pytest.mark.parametrize("accept", UNCLEAR)
def test_an_accept_header_that_is_not_understood_gets_a_page(environment: "Environment", accept: str) -> None:
    """Anybody can send one, and it is no error of Locust's."""
    from flask import Flask  # noqa: PLC0415 - comes with Locust

    app = Flask("locust")
    add_metrics_page(app, environment, ["reused", "factory"])
    response = app.test_client().get("/metrics", headers={"Accept": accept})
    assert response.status_code == 200
    assert "locust_requests_total" in response.text
