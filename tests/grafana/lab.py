"""A real Prometheus that scrapes two real arms under real load, with the committed configuration."""

import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from loadtest.ports import free_ports
from loadtest.server import Server, running, service, watch_options
from sadpath.lifeline import Child
from tests.required import missing
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "grafana" / "prometheus" / "prometheus.yml"
LIMIT_MB = 256
STEADY_S = 18
"""Scrapes under load before the lab is judged: a little more than the windows of the dashboards."""


def require(program: str) -> str:
    """Return the path of a program of Debian's package `prometheus`; without it, skip or fail the test (`missing`)."""
    return shutil.which(program) or missing("prometheus", "apt-get install prometheus")


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its values by time."""

    labels: Mapping[str, str]
    values: list[float]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

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
        """Return each rule's health after its last evaluation: ok, err or unknown."""
        return {
            str(rule["name"]): str(rule["health"]) for group in self._get("rules")["groups"] for rule in group["rules"]
        }

    def ready(self) -> bool:
        """Return whether it is ready."""
        try:
            with urlopen(f"{self.url}/-/ready", timeout=60) as response:
                return bool(response.status == 200)
        except HTTPError as starting:
            starting.close()
            return False
        except OSError:
            return False

    def _get(self, path: str, **parameters: object) -> Any:
        try:
            with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=60) as response:
                return json.load(response)["data"]
        except HTTPError as error:
            with error:
                raise AssertionError(f"Prometheus rejected {parameters}: {error.read().decode()}") from error


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run the committed configuration on a free port, with its targets replaced by those of `targets`."""
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
    found = Prometheus(f"http://127.0.0.1:{port}")
    try:
        until(found.ready, PATIENCE_S, f"Prometheus: {child.last_line()}")
        yield found
    finally:
        child.stop()


@dataclass(frozen=True)
class Lab:
    """A finished run and its times: each question is asked for the time that it is about."""

    prometheus: Prometheus
    began: float
    parted: float
    """Both arms were in their first process lifetime, and their memory had diverged."""
    ended: float
    """The arm `reused` had restarted three times, the first time at its memory limit."""


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Run two arms, Locust and Prometheus through a leak and three restarts; then keep only Prometheus running."""
    arms, locust_port = two_arms(folder)
    began = time.time()
    with prometheus(folder, targets_of(arms, locust_port)) as prom:
        with load(arms, locust_port, folder):
            seen = f'min(count_over_time(http_requests_total{{job="lab"}}[1m])) >= {STEADY_S}'
            until(lambda: prom.ask(seen), PATIENCE_S, "steady load on both arms")
            parted = time.time()
            restart_thrice(arms[0], prom)
            ended = time.time()
        yield Lab(prom, began, parted, ended)


def two_arms(folder: Path) -> tuple[list[Server], int]:
    """Return the arms `reused` and `factory`, not yet started, and a port for the Locust that loads them."""
    *ports, locust_port = free_ports(3)
    limit = {"LAB_MEMORY_LIMIT_MB": str(LIMIT_MB)}
    arms = [service(name, folder, port, **limit) for name, port in zip(["reused", "factory"], ports, strict=True)]
    return arms, locust_port


def targets_of(arms: Sequence[Server], locust_port: int) -> dict[str, str]:
    """Return where each target of the committed configuration really is."""
    return {f"{arm.name}:8000": f"127.0.0.1:{arm.port}" for arm in arms} | {"locust:8089": f"127.0.0.1:{locust_port}"}


@contextmanager
def load(arms: Sequence[Server], locust_port: int, folder: Path) -> Iterator[None]:
    """Run the arms, and Locust that loads them."""
    with running(*arms):
        locust = Child(_locust(arms, locust_port, folder), folder / "locust.log")
        try:
            yield
        finally:
            locust.stop(signal.SIGKILL)  # its report is not what is tested here


def restart_thrice(arm: Server, prom: Prometheus) -> None:
    """Restart an arm at its memory limit, and then twice more without a reason: four process lifetimes."""

    def wait_for(restarts: int) -> None:
        arm.wait_until_listening()
        changed = f'changes(process_start_time_seconds{{arm="{arm.name}"}}[5m] offset 3s) >= {restarts}'
        until(lambda: prom.ask(changed), PATIENCE_S, f"restart {restarts}")

    def starve() -> str | None:
        retain_more(arm)
        return arm.restart_if_ended()

    until(starve, PATIENCE_S, "the memory limit")
    wait_for(1)
    starved = f'max_over_time(process_resident_memory_bytes{{arm="{arm.name}"}}[27s]) > {0.8 * LIMIT_MB * 2**20}'
    until(lambda: not prom.ask(starved), PATIENCE_S, "the kill to be outside the window")
    for restart in (2, 3):
        arm.stop()
        arm.start()
        wait_for(restart)


def retain_more(arm: Server) -> None:
    """Make the reused exception retain 256 KiB more: little enough for a scrape to see memory near its limit."""
    try:
        urlopen(f"{arm.url}/reused/users/42?context_kb=256", timeout=60)
    except HTTPError as not_found:
        not_found.close()
    except OSError:
        pass  # the arm has ended


def _locust(arms: Sequence[Server], port: int, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--autostart", "--only-summary"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(port), "--rate", "100"]
    for arm in arms:
        command += [f"--{arm.name}-host", arm.url]
    return command + watch_options({arm.name: arm.url for arm in arms}, folder / "reports", 2.0)
