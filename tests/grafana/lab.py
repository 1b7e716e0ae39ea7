"""A real Prometheus that scrapes two real arms under real load, with the committed configuration."""

import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from loadtest.arms import Arm, free_ports
from sadpath.lifeline import Child
from tests.required import missing
from tests.waiting import until

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "grafana" / "prometheus" / "prometheus.yml"
LIMIT_MB = 256
STEADY_S = 18
"""Scrapes under load before the lab is judged: a little more than the windows of the dashboards."""


def require(program: str) -> str:
    """Return where a program of Debian's package `prometheus` is; skip the test without it, or fail where required."""
    return shutil.which(program) or missing("prometheus", "apt-get install prometheus")


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its values in order of time."""

    labels: Mapping[str, str]
    values: list[float]


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def ask(self, expr: str, at: float | None = None) -> list[Series]:
        """Evaluate `expr` at one moment."""
        answer = self._get("query", query=expr, time=at or time.time())
        return [Series(one["metric"], [float(one["value"][1])]) for one in answer["result"]]

    def ask_over(self, expr: str, start: float, end: float) -> list[Series]:
        """Evaluate `expr` each second from `start` to `end`, as Grafana does."""
        answer = self._get("query_range", query=expr, start=start, end=end, step="1s")
        return [Series(one["metric"], [float(value) for _, value in one["values"]]) for one in answer["result"]]

    def label_values(self, label: str, selector: str) -> list[str]:
        """List the values that a label has, as Grafana's `label_values` does."""
        return [str(value) for value in self._get(f"label/{label}/values", **{"match[]": selector})]

    def rules(self) -> dict[str, str]:
        """Tell each rule's health, as its last evaluation left it: ok, err or unknown."""
        return {
            str(rule["name"]): str(rule["health"]) for group in self._get("rules")["groups"] for rule in group["rules"]
        }

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with urlopen(f"{self.url}/-/ready", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def _get(self, path: str, **parameters: object) -> Any:
        try:
            with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as response:
                return json.load(response)["data"]
        except HTTPError as error:
            with error:
                raise AssertionError(f"Prometheus refuses {parameters}: {error.read().decode()}") from error


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run the committed configuration on a free port, each of its targets replaced as `targets` says."""
    program = require("prometheus")
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    configuration["rule_files"] = [str(CONFIGURATION.parent / rules) for rules in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        for group in job["static_configs"]:
            group["targets"] = [targets[target] for target in group["targets"] if target in targets]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    (port,) = free_ports(1)
    options = [
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    child = Child([program, *options], folder / "prometheus.log")
    running = Prometheus(f"http://127.0.0.1:{port}")
    try:
        until(running.ready, 20, f"Prometheus: {child.last_line()}")
        yield running
    finally:
        child.stop()


@dataclass(frozen=True)
class Lab:
    """What was run, and when it was what: each question is asked of the moment that it is about."""

    prometheus: Prometheus
    began: float
    parted: float
    """Both arms were in their first lifetime, and their memory had parted."""
    ended: float
    """The reused arm had been started again three times, the first time because it ran out of memory."""


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Run two arms, Locust and Prometheus until all has happened that the dashboards tell of; then only Prometheus."""
    require("prometheus")
    *arm_ports, locust_port = free_ports(3)
    settings = {"LAB_MEMORY_LIMIT_MB": str(LIMIT_MB)}
    arms = [
        Arm(name, port, folder / f"{name}.log", settings)
        for name, port in zip(["reused", "factory"], arm_ports, strict=True)
    ]
    targets = {f"{arm.name}:8000": f"127.0.0.1:{arm.port}" for arm in arms}
    targets["locust:8089"] = f"127.0.0.1:{locust_port}"
    began = time.time()
    with prometheus(folder, targets) as running:
        with load(arms, locust_port, folder):
            seen = f'min(count_over_time(http_requests_total{{job="lab"}}[1m])) >= {STEADY_S}'
            until(lambda: running.ask(seen), STEADY_S + 15, "steady load on both arms")
            parted = time.time()
            restart_thrice(arms[0], running)
            ended = time.time()
        yield Lab(running, began, parted, ended)


@contextmanager
def load(arms: Sequence[Arm], locust_port: int, folder: Path) -> Iterator[None]:
    """Run the arms, and Locust that loads them."""
    with ExitStack() as ends:
        for arm in arms:
            arm.start()
            ends.callback(arm.stop)
        for arm in arms:
            arm.wait_until_healthy()
        locust = Child(_locust(arms, locust_port, folder), folder / "locust.log")
        ends.callback(locust.stop, signal.SIGKILL)  # its report is not what is tested here
        yield


def restart_thrice(arm: Arm, running: Prometheus) -> None:
    """Let an arm run out of memory and start it again; then twice more, for no reason: four process lifetimes."""

    def wait_for(restarts: int) -> None:
        arm.wait_until_healthy()
        changed = f'changes(process_start_time_seconds{{arm="{arm.name}"}}[5m] offset 1s) >= {restarts}'
        until(lambda: running.ask(changed), 15, f"restart {restarts}")

    def starve() -> str | None:
        pin(arm)
        return arm.restart_if_ended()

    until(starve, 60, "the end of the memory")
    wait_for(1)
    starved = f'max_over_time(process_resident_memory_bytes{{arm="{arm.name}"}}[14s]) > {0.8 * LIMIT_MB * 2**20}'
    until(lambda: not running.ask(starved), 20, "the kill to be long ago")
    for restart in (2, 3):
        arm.stop()
        arm.start()
        wait_for(restart)


def pin(arm: Arm) -> None:
    """Make the reused object keep 256 KiB more: slow enough for a scrape to see the memory near its limit."""
    with suppress(OSError):  # a 404, or no answer from an arm that has ended
        urlopen(f"{arm.url}/reused/users/42?context_kb=256", timeout=5)


def _locust(arms: Sequence[Arm], port: int, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--autostart", "--only-summary"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(port), "--rate", "100", "--sadpath-warm-up", "2"]
    command += ["--sadpath-reports", str(folder / "reports")]
    for arm in arms:
        command += [f"--{arm.name}-host", arm.url, "--sadpath-watch", f"{arm.name}={arm.url}/metrics"]
    return command
