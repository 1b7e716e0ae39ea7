"""The plugin in a real Locust, which loads and watches a real server: what only its processes and sockets show."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from loadtest.ports import free_ports
from sadpath.lifeline import Child
from tests.waiting import until
from tests.watch.shops import ENTRIES_PER_REQUEST, Shop, Trade, shop
from tests.watch.test_locust_guard import REFUSAL, STRANGER

PATIENCE_S = 100
EVIL = "http://evil.example"
LOCUSTFILE = """
from locust import FastHttpUser, constant, events, tag, task
from locust.runners import WorkerRunner
from sadpath.plugins.locust import register


def change(environment, **_):
    "As a person can, or a name server, after the first check."
    if {changes}:
        environment.host = Client.host = {stranger!r}


events.test_start.add_listener(change)
register(events)


class Client(FastHttpUser):
    host = "http://127.0.0.1"
    wait_time = constant(0.05)

    @task
    def missing(self):
        with self.client.get("/users/42", name="reused users/42", catch_response=True) as response:
            response.success()

    @tag("broken")
    @task
    def broken(self):
        self.client.get("/users/42", name="factory users/42")
"""
ON_A_WORKER = "isinstance(environment.runner, WorkerRunner)"
FIRST_ON_A_MASTER = f"not {ON_A_WORKER} and not hasattr(environment, 'begun') and not setattr(environment, 'begun', 1)"
NO_FAILURES = ["--exclude-tags", "broken"]


@dataclass(frozen=True)
class Locust:
    """Locust as a user starts it, in a folder of its own."""

    folder: Path
    ports: list[int] = field(default_factory=lambda: free_ports(2))

    @property
    def reports(self) -> Path:
        """Where the report goes."""
        return self.folder / "reports"

    @property
    def log(self) -> str:
        """What it printed so far."""
        return (self.folder / "log").read_text()

    @property
    def url(self) -> str:
        """Its web UI."""
        return f"http://127.0.0.1:{self.ports[0]}"

    def command(self, *options: str, changes: str = "False") -> list[str]:
        """Return what a user types."""
        file, web, master = self.folder / "locustfile.py", str(self.ports[0]), str(self.ports[1])
        file.write_text(LOCUSTFILE.format(changes=changes, stranger=STRANGER))
        ports = ["--web-port", web, "--master-port", master, "--master-bind-port", master]
        always = ["-f", str(file), "--sadpath-reports", str(self.reports), *ports]
        return [sys.executable, "-m", "locust", *always, *options]

    @contextmanager
    def running(self, *options: str, changes: str = "False", **environment: str) -> Iterator[Child]:
        """Run Locust until the block ends."""
        child = Child(self.command(*options, changes=changes), self.folder / "log", environment)
        try:
            yield child
        finally:
            child.stop(signal.SIGKILL)

    def run(self, *options: str, changes: str = "False") -> "subprocess.CompletedProcess[str]":
        """Run Locust to its end."""
        command = self.command(*options, changes=changes)
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def ask(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> tuple[int, str]:
        """Return the status and the body of an answer, as a script without an origin gets it."""
        data = None if form is None else urlencode(form).encode()
        try:
            with urlopen(Request(f"{self.url}{path}", data, headers), timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> dict[tuple[str, str], float]:
        """Each series of its page by its name and its arm; nothing while there is no page."""
        try:
            families = text_string_to_metric_families(self.ask("/metrics")[1])
        except OSError:
            return {}
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, sample.labels.get("arm", "")): sample.value for sample in samples}

    def state(self) -> str:
        """Return what it does: ready, spawning, running, stopped."""
        return str(json.loads(self.ask("/stats/requests")[1])["state"])


def ended(child: Child) -> int:
    """Wait until Locust ends by itself, and return its exit status."""
    until(lambda: child.status() is not None, PATIENCE_S, "the end of Locust")
    return child.stop()


@pytest.fixture(scope="module")
def leaky() -> Iterator[Shop]:
    """A service that leaks."""
    with shop(Trade(bytes_per_request=15_000)) as leaky:
        yield leaky


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory, leaky: Shop) -> Iterator[tuple[Locust, Child]]:
    """A load that ends by itself; the other tests run while it does."""
    locust = Locust(tmp_path_factory.mktemp("headless"))
    options = ["--headless", "--users", "5", "--spawn-rate", "5", "--run-time", "12", *NO_FAILURES]
    options += ["--host", leaky.url, f"--sadpath-watch=shop={leaky.page}"]
    options += ["--sadpath-junit", str(locust.folder / "junit.xml")]
    with locust.running(*options, SADPATH_WARM_UP="1", SADPATH_ABOUT="A shop") as child:
        yield locust, child


@pytest.fixture(scope="module", autouse=True)
def web(
    tmp_path_factory: pytest.TempPathFactory,
    leaky: Shop,
    headless: tuple[Locust, Child],  # noqa: ARG001 - begins before
) -> Iterator[Locust]:
    """A Locust whose web UI answers, while four users load two arms."""
    locust = Locust(tmp_path_factory.mktemp("web"))
    options = ["--autostart", "--users", "4", "--spawn-rate", "4", "--host", leaky.url]
    options += [f"--sadpath-watch={arm}={leaky.page}" for arm in ("reused", "factory")]
    with locust.running(*options):
        until(lambda: f"memory under load: {locust.url}/sadpath\n" in locust.log, PATIENCE_S, "its address in the log")
        yield locust


def test_its_web_ui_listens_on_loopback(web: Locust) -> None:
    """Locust itself would listen on all interfaces: anybody in the same room could start a load."""
    assert f"Starting web interface at {web.url}," in web.log


def test_the_live_page_is_linked_from_locusts_page_and_has_the_samples_so_far(web: Locust) -> None:
    """Its address was in the log, and can be opened at once."""
    assert '<section class="arm" data-arm="reused"' in web.ask("/sadpath")[1]
    assert 'href="/sadpath"' in web.ask("/")[1]
    until(lambda: len(json.loads(web.ask("/sadpath/rows")[1])["rows"]) > 2, PATIENCE_S, "rows")
    row = json.loads(web.ask("/sadpath/rows")[1])["rows"][-1]
    assert (row["arm"] in {"reused", "factory"}, row["entries"] > 0) == (True, True)
    assert row["resident_mib"] == row["memory_mib"]  # the memory that has a limit


def test_its_metrics_are_those_of_its_users(web: Locust) -> None:
    """By arm, in the format that is asked for."""
    until(lambda: web.metrics().get(("locust_failures_total", "factory"), 0) > 5, PATIENCE_S, "failures on the page")
    figures = web.metrics()
    assert (figures["locust_users", ""], figures["locust_failures_total", "reused"]) == (4, 0)
    for arm in ("reused", "factory"):
        answered = figures["locust_response_time_seconds_count", arm]
        assert answered == figures["locust_requests_total", arm] > 0
    assert web.ask("/metrics", Accept="application/openmetrics-text")[1].endswith("# EOF\n")


def test_over_http_too_only_its_own_pages_and_programs_are_answered(web: Locust) -> None:
    """The whole way, through the server and its sockets."""
    form = {"user_count": "1", "spawn_rate": "1", "host": "http://127.0.0.1:1"}
    assert web.ask("/swarm", form, Origin=EVIL)[0] == 403
    assert web.ask("/stop", {}, Origin=EVIL)[0] == 403
    assert web.ask("/stats/requests", Origin=EVIL)[0] == 403
    assert web.ask("/metrics", Host="evil.example")[0] == 403
    assert web.ask("/swarm", {**form, "sadpath_reports": "/tmp/x"})[0] == 400  # noqa: S108 - not written
    assert web.state() == "running"


def test_a_host_is_checked_at_the_start_of_the_load(tmp_path: Path) -> None:
    """Not only when Locust starts: without a web UI, it ends with the one line and the status of a wrong command."""
    result = Locust(tmp_path).run("--headless", "--run-time", "2", changes="True")
    assert result.returncode == 2
    assert f"locust: {REFUSAL}" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    assert "Network is unreachable" not in result.stderr + result.stdout


def test_a_worker_checks_the_host_itself(tmp_path: Path) -> None:
    """Its name server may give it another address than its master's does."""
    options = ["--headless", "--processes", "1", "--run-time", "2"]
    result = Locust(tmp_path).run(*options, changes=ON_A_WORKER)
    assert f"locust: {REFUSAL}" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    assert "Network is unreachable" not in result.stderr + result.stdout


def test_a_master_is_refused_a_start_and_another_may_follow(tmp_path: Path) -> None:
    """The reason is in the log, and with a host of ours the load runs; its page has the statistics of its workers."""
    locust = Locust(tmp_path)
    options = ["--autostart", "--users", "4", "--spawn-rate", "4", "--processes", "2"]
    with locust.running(*options, changes=FIRST_ON_A_MASTER):
        until(lambda: f"the load is refused: {REFUSAL}" in locust.log, PATIENCE_S, "the refusal in the log")
        until(lambda: locust.state() in {"ready", "stopped"}, PATIENCE_S, "the end of the start")
        form = {"user_count": "4", "spawn_rate": "4", "host": f"http://127.0.0.1:{free_ports(1)[0]}"}
        assert locust.ask("/swarm", {**form, "host": STRANGER})[0] == 400
        assert json.loads(locust.ask("/swarm", form)[1])["success"] is True
        until(lambda: locust.metrics().get(("locust_failures_total", "all"), 0) > 5, PATIENCE_S, "its workers' load")
        until(lambda: locust.state() == "running", PATIENCE_S, "its state, which it keeps for two seconds")
        assert locust.metrics()["locust_users", ""] == 4
        assert ("Traceback" in locust.log, "unreachable" in locust.log) == (False, False)


def test_a_worker_and_a_headless_locust_have_no_page_and_do_not_mind(tmp_path: Path, leaky: Shop) -> None:
    """There is no web UI to put it on; the exit status is that of failed requests, as without the plugin."""
    locust = Locust(tmp_path)
    with locust.running("--headless", "--processes", "1", "--host", leaky.url) as child:
        failed = re.compile(r"factory users/42 +[1-9]\d* +[1-9]")
        until(lambda: failed.search(locust.log), PATIENCE_S, "failures in the master's table")
        assert "Traceback" not in locust.log  # before it is interrupted, wherever it is then
        assert child.stop(signal.SIGINT, PATIENCE_S) == 1


def test_a_wrong_option_is_one_line_and_status_2(tmp_path: Path) -> None:
    """The last one that Locust prints."""
    result = Locust(tmp_path).run("--headless", "--sadpath-watch=shop=http://a..b/metrics")
    assert (result.returncode, result.stderr.splitlines()[-1]) == (2, "locust: cannot resolve host 'a..b'")


def test_what_draws_is_not_loaded_before_something_is_drawn() -> None:
    """A worker draws nothing, and each of them would spend a second and its memory on it."""
    program = "import sys, sadpath.plugins.locust; sys.exit(str(sorted({'altair', 'vl_convert'} & {*sys.modules})))"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert result.stderr == "[]\n"


def test_a_leak_is_the_exit_status_and_a_block_in_the_log(headless: tuple[Locust, Child]) -> None:
    """It names the exception, and where the report is."""
    locust, child = headless
    assert ended(child) == 1, locust.log
    block = re.search("^== Sadpath: leaks =+\n(.*?)\n=+$", locust.log, re.MULTILINE | re.DOTALL)
    assert block
    assert "user_not_found retains 19.0 entries per request" in block[1]
    assert f"report: {locust.reports / 'report.html'}" in block[1]


def test_what_was_measured_is_in_the_summary_and_in_junit(headless: tuple[Locust, Child]) -> None:
    """With the conditions of the run."""
    locust, child = headless
    ended(child)
    summary: dict[str, Any] = json.loads((locust.reports / "summary.json").read_text())
    (entries,) = (error["traceback_entries_per_request"] for error in summary["arms"]["shop"]["errors"].values())
    assert entries == pytest.approx(ENTRIES_PER_REQUEST, abs=0.1)
    assert (summary["run"]["users"], summary["run"]["warm_up_s"], summary["about"]) == (5, 1.0, "A shop")
    assert summary["run"]["command"].startswith("locust -f ")
    assert summary["environment"]["python"] == "3.13.0"
    assert "<failure" in (locust.folder / "junit.xml").read_text()
