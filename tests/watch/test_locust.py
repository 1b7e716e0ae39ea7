"""The plugin in a real Locust, which loads and watches a real server."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from loadtest.ports import free_ports
from sadpath.lifeline import Child
from sadpath.watch.sample_file import read_samples
from tests.file_size import limit_file_size
from tests.waiting import until

LOCUSTFILE = """
from locust import FastHttpUser, constant, events, task
from sadpath.plugins.locust import register

register(events)


class Client(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def missing(self):
        with self.client.get("/users/42", catch_response=True) as response:
            response.success()
"""
PER_REQUEST = 19


class Shop(ThreadingHTTPServer):
    """A service that answers 404, and whose metrics grow by so many bytes with each of its requests."""

    daemon_threads = True

    def __init__(self, bytes_per_request: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.bytes_per_request = bytes_per_request
        self.requests = count(1)
        self.served = 0
        self.metrics_status = 200

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def metrics(self) -> bytes:
        """Return the page, with one error that retains something if memory grows."""
        figures = {
            "process_resident_memory_bytes": 10**8 + 2 * self.bytes_per_request * self.served,
            "sadpath_anonymous_memory_bytes": 10**8 + self.bytes_per_request * self.served,
            "http_requests_total": self.served,
            'sadpath_traceback_entries{error="user_not_found"}': (self.bytes_per_request > 0)
            * PER_REQUEST
            * self.served,
            'sadpath_environment_info{python="3.13.0"}': 1,
        }
        return "".join(f"{name} {value}\n" for name, value in figures.items()).encode()


class Answer(BaseHTTPRequestHandler):
    """Answers with 404, or with the metrics."""

    server: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        is_metrics = self.path == "/metrics"
        if not is_metrics:
            self.server.served = next(self.server.requests)
        body = self.server.metrics() if is_metrics else b""
        self.send_response(self.server.metrics_status if is_metrics else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


Serve = Callable[[int], Shop]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve shops until the test ends."""
    shops: list[Shop] = []

    def serve(bytes_per_request: int) -> Shop:
        shop = Shop(bytes_per_request)
        shops.append(shop)
        threading.Thread(target=shop.serve_forever, args=(0.01,), daemon=True).start()
        return shop

    yield serve
    for shop in shops:
        shop.shutdown()
        shop.server_close()


@dataclass(frozen=True)
class Locust:
    """Locust as a user starts it, in a folder of its own."""

    folder: Path

    @property
    def reports(self) -> Path:
        """Where the report goes."""
        return self.folder / "reports"

    def command(self, *options: str) -> list[str]:
        """Return what a user types."""
        (self.folder / "locustfile.py").write_text(LOCUSTFILE)
        always = ["-f", str(self.folder / "locustfile.py"), "--only-summary", "--sadpath-reports", str(self.reports)]
        return [sys.executable, "-m", "locust", *always, *options]

    def load(self, shop: Shop, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Load a shop to the end."""
        load = ["--headless", "--users", "5", "--spawn-rate", "5", "--host", shop.url]
        return self.run(*load, f"--sadpath-watch=shop={shop.url}/metrics", *options, first=None, **environment)

    def run(
        self, *options: str, first: Callable[[], None] | None = None, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run Locust to the end; its process does `first` before."""
        return subprocess.run(
            self.command(*options),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            preexec_fn=first,
        )

    def summary(self) -> dict[str, Any]:
        """Return what it found."""
        return dict(json.loads((self.reports / "summary.json").read_text()))


@pytest.fixture
def locust(tmp_path: Path) -> Locust:
    return Locust(tmp_path)


def test_a_leak_names_the_exception_in_a_block_in_the_summary_and_in_junit(serve: Serve, locust: Locust) -> None:
    """And is the exit status; the conditions of the run are in the summary."""
    junit = locust.folder / "junit.xml"
    options = ["--run-time", "12", "--sadpath-junit", str(junit)]
    result = locust.load(serve(15_000), *options, SADPATH_WARM_UP="1", SADPATH_ABOUT="A shop")
    assert result.returncode == 1, result.stderr
    block = re.search("^== Sadpath: leaks =+\n(.*?)\n=+$", result.stderr, re.MULTILINE | re.DOTALL)
    assert block
    assert "user_not_found retains 19.0 entries per request" in block[1]
    assert f"report: {locust.reports / 'report.html'}" in block[1]
    summary = locust.summary()
    (entries,) = (error["traceback_entries_per_request"] for error in summary["arms"]["shop"]["errors"].values())
    assert entries == pytest.approx(PER_REQUEST, abs=0.1)
    assert (summary["run"]["users"], summary["run"]["warm_up_s"], summary["about"]) == (5, 1.0, "A shop")
    assert summary["run"]["command"].startswith("locust -f ")
    assert summary["environment"]["python"] == "3.13.0"
    assert "<failure" in junit.read_text()


def test_the_threshold_is_an_option(serve: Serve, locust: Locust) -> None:
    """Growth that leaks by default is flat below another threshold; without a count of entries memory decides."""
    shop = serve(0)
    result = locust.load(shop, "--run-time", "12", "--sadpath-warm-up", "1", "--sadpath-bytes-per-request", "5000000")
    assert result.returncode == 0, result.stderr
    reason = locust.summary()["arms"]["shop"]["reason"]
    assert reason == "growth of 5,000,000 bytes per request is ruled out"


@pytest.mark.parametrize(("options", "status"), [([], 3), (["--sadpath-allow-inconclusive"], 0)])
def test_inconclusive_says_what_was_missing_and_may_be_allowed(
    serve: Serve, locust: Locust, options: list[str], status: int
) -> None:
    """A run within its warm-up has no samples to judge."""
    result = locust.load(serve(0), "--run-time", "2", *options)
    assert result.returncode == status, result.stderr
    assert locust.summary()["arms"]["shop"]["reason"] == (
        "not enough data after the 5 s warm-up: 0 of 8 samples, 0 of 300 requests; run for at least 30 s"
    )


def test_a_service_that_goes_away_is_the_reason(serve: Serve, locust: Locust) -> None:
    """The last scrape is in the verdict, and the log has one line for it, not one each second."""
    shop = serve(0)
    log = locust.folder / "log"
    load = ["--headless", "--users", "1", "--host", shop.url, f"--sadpath-watch=shop={shop.url}/metrics"]
    process = Child(locust.command(*load), log)
    samples = locust.reports / "samples.csv"
    until(lambda: samples.exists() and samples.read_text().count("\n") > 2, 30, "samples")
    shop.metrics_status = 404
    until(lambda: samples.read_text().count(" from ") > 3, 30, "missing samples")
    assert process.stop(signal.SIGINT, 30) == 3
    reason = locust.summary()["arms"]["shop"]["reason"]
    assert f"the last scrape failed: 404 from {shop.url}/metrics; fix the URL, or run for at least" in reason
    assert log.read_text().count("missing samples from") == 1


def test_a_wrong_url_is_one_line_before_the_load(serve: Serve, locust: Locust) -> None:
    """A page that does not exist: the command was wrong, and nothing was requested."""
    shop = serve(0)
    result = locust.run("--headless", "--host", shop.url, f"--sadpath-watch=shop={shop.url}/metrix")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"locust: --sadpath-watch shop: 404 from {shop.url}/metrix; name the address of a metrics page "
        "(for example shop=http://127.0.0.1:8000/metrics)"
    )
    assert (shop.served, "Traceback" in result.stderr) == (1, False)  # the scrape alone


def test_a_service_that_does_not_answer_is_one_line_before_the_load(locust: Locust) -> None:
    """With the status of what did not answer."""
    (port,) = free_ports(1)
    result = locust.run("--headless", "--host", "http://127.0.0.1", f"--sadpath-watch=shop=http://127.0.0.1:{port}/m")
    assert result.returncode == 4
    assert re.fullmatch(
        rf"locust: --sadpath-watch shop: http://127.0.0.1:{port}/m: .*refused; start the service first",
        result.stderr.splitlines()[-1],
    )


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--sadpath-watch=x", "expected NAME=URL, got 'x' (for example shop=http://127.0.0.1:8000/metrics)"),
        ("--sadpath-watch=shop=ftp://x", "expected NAME=URL, got 'shop=ftp://x'"),
        ("--sadpath-watch=shop=http://a..b/metrics", "locust: cannot resolve host 'a..b'"),
        ("--sadpath-warm-up=long", "expected a number that is not negative, got 'long'"),
        ("--sadpath-bytes-per-request=-1", "expected a number that is not negative, got '-1'"),
        ("--sadpath-watch=shop=http://8.8.8.8/metrics", "if you own it, add --sadpath-i-own-this-host"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(locust: Locust, option: str, line: str) -> None:
    """With what was expected, and an example."""
    result = locust.run("--headless", "--host", "http://127.0.0.1", option)
    assert result.returncode == 2
    assert line in result.stderr.splitlines()[-1]


def test_two_services_of_one_name_are_refused(serve: Serve, locust: Locust) -> None:
    """One would hide the other."""
    shop = serve(0)
    result = locust.load(shop, f"--sadpath-watch=shop={shop.url}/metrics")
    assert (result.returncode, result.stderr.splitlines()[-1]) == (
        2,
        "locust: two watched services have the same name; give each its own",
    )


def test_a_folder_that_cannot_be_written_is_one_line_before_the_load(serve: Serve, locust: Locust) -> None:
    """A file is in its place."""
    locust.reports.write_text("a file")
    result = locust.load(serve(0))
    assert (result.returncode, result.stderr.splitlines()[-1]) == (
        4,
        f"locust: cannot write to {locust.reports}: File exists",
    )


@pytest.mark.parametrize(
    ("room", "line"),
    [(300, "locust: cannot write to {}: File too large"), (20_000, "cannot write the report: File too large")],
)
def test_a_full_disk_is_one_line_and_not_a_verdict(serve: Serve, locust: Locust, room: int, line: str) -> None:
    """When the load begins, or when it ends; the samples that were taken by then stay."""
    shop = serve(0)
    load = ["--headless", "--users", "1", "--host", shop.url, f"--sadpath-watch=shop={shop.url}/metrics"]
    result = locust.run(*load, "--run-time", "3", first=lambda: limit_file_size(room))
    assert (result.returncode, "Traceback" in result.stderr) == (4, False), result.stderr
    assert result.stderr.count(line.format(locust.reports)) == 1
    samples = locust.reports / "samples.csv"
    assert not samples.exists() or len(read_samples(samples)) > 2


def test_a_folder_that_is_removed_is_one_line_and_not_a_verdict(serve: Serve, locust: Locust) -> None:
    """While the load runs; Locust ends when it would have."""
    shop = serve(0)
    log = locust.folder / "log"
    load = ["--headless", "--users", "1", "--host", shop.url, f"--sadpath-watch=shop={shop.url}/metrics"]
    process = Child(locust.command(*load), log)
    samples = locust.reports / "samples.csv"
    until(lambda: samples.exists() and samples.read_text().count("\n") > 2, 60, "samples")
    shutil.rmtree(locust.reports)
    assert process.stop(signal.SIGTERM, 60) == 4
    assert (log.read_text().count("cannot write the report: "), "Traceback" in log.read_text()) == (1, False)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_samples_that_could_not_be_saved_are_not_a_verdict(serve: Serve, locust: Locust) -> None:
    """Though the report of those before can be written: the run is longer than what is judged."""
    shop = serve(0)
    load = ["--headless", "--users", "1", "--host", shop.url, f"--sadpath-watch=shop={shop.url}/metrics"]
    samples = locust.reports / "samples.csv"
    with subprocess.Popen(locust.command(*load), stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: samples.exists() and samples.read_text().count("\n") > 2, 60, "samples")
            before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
            assert process.stderr
            said = next(line for line in process.stderr if "no more samples are saved" in line)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
            process.terminate()
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert said.endswith(f"no more samples are saved: {samples}: File too large\n")
    assert (process.returncode, "no more samples" in rest, "Traceback" in rest) == (4, False, False)
    assert locust.summary()["arms"].keys() == {"shop"}


def test_an_earlier_run_is_kept_and_the_log_says_where(serve: Serve, locust: Locust) -> None:
    """With its samples, whether it was finished or killed."""
    locust.reports.mkdir()
    (locust.reports / "samples.csv").write_text("of a run that was killed")
    (locust.reports / "run.json").write_text('{"started": "2026-01-02T03:04:05+00:00"}')
    result = locust.load(serve(0), "--run-time", "2")
    earlier = locust.reports / "earlier" / "2026-01-02T03-04-05"
    assert f"moved the earlier run to {earlier}" in result.stderr
    assert (earlier / "samples.csv").read_text() == "of a run that was killed"
    assert locust.summary()["arms"].keys() == {"shop"}


def test_its_help_lists_the_options(locust: Locust) -> None:
    """Each with its environment variable, beside Locust's own; Locust prints `--help` before it knows the plugin."""
    text = locust.run("--sadpath-help").stdout
    assert "--run-time" in text
    options = set(re.findall(r"--sadpath-[a-z-]+", text)) - {"--sadpath-help"}
    assert options == {
        "--sadpath-watch",
        "--sadpath-warm-up",
        "--sadpath-reports",
        "--sadpath-junit",
        "--sadpath-about",
        "--sadpath-bytes-per-request",
        "--sadpath-allow-inconclusive",
        "--sadpath-i-own-this-host",
    }
    assert all(option.removeprefix("--").replace("-", "_").upper() in text for option in options)


def test_what_draws_is_not_loaded_before_something_is_drawn() -> None:
    """A worker draws nothing, and each of them would spend a second and its memory on it."""
    program = "import sys, sadpath.plugins.locust; sys.exit(str(sorted({'altair', 'vl_convert'} & {*sys.modules})))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=90, check=False)
    assert result.stderr == "[]\n"


def test_the_live_page_is_announced_when_it_answers_and_linked_from_locusts_page(serve: Serve, locust: Locust) -> None:
    """The address in the log can be opened at once, and has the samples so far."""
    shop = serve(15_000)
    (port,) = free_ports(1)
    log = locust.folder / "log"
    page = f"http://127.0.0.1:{port}"
    options = ["--host", shop.url, "--autostart", "--users", "5", "--web-port", str(port)]
    process = Child(locust.command(*options, f"--sadpath-watch=shop={shop.url}/metrics"), log)
    try:
        until(lambda: f"memory under load: {page}/sadpath\n" in log.read_text(), 30, "the address in the log")
        assert '<section class="arm" data-arm="shop"' in urlopen(f"{page}/sadpath").read().decode()
        assert 'href="/sadpath"' in urlopen(page).read().decode()
        until(lambda: len(json.load(urlopen(f"{page}/sadpath/rows"))["rows"]) > 2, 30, "rows")
        row = json.load(urlopen(f"{page}/sadpath/rows"))["rows"][-1]
        assert (row["arm"], row["entries"] > 0) == ("shop", True)
        assert row["resident_mib"] == row["memory_mib"]  # the memory that has a limit
    finally:
        process.stop(signal.SIGINT, 30)
