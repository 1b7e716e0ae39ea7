"""A real Prometheus that scrapes two real arms under real load, with the committed configuration."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from loadtest.arms import Arm, free_ports
from sadpath.lifeline import Child
from tests.waiting import until

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "grafana" / "prometheus" / "prometheus.yml"
LIMIT_MB = 320


def require(program: str) -> str:
    """Return where a program of Debian's package `prometheus` is, or skip; where it is required, fail."""
    path = shutil.which(program)
    if path is None and "prometheus" in os.environ.get("SADPATH_REQUIRE", ""):
        pytest.fail(f"there is no {program}, and SADPATH_REQUIRE asks for it: apt-get install prometheus")
    if path is None:
        pytest.skip(f"there is no {program} here: apt-get install prometheus")
    return path


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


@dataclass
class Lab:
    """What was run, and when it was what: each question is asked of the moment that it is about."""

    prometheus: Prometheus
    targets: Mapping[str, str]
    began: float
    parting: float = 0.0
    """Both arms are in their first life, and their memory has parted."""
    ended: float = 0.0
    """The reused arm was started again three times, first because it ran out of memory."""
    arms: dict[str, Arm] = field(default_factory=dict)


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Run two arms, Locust and Prometheus until all has happened that the dashboards tell of."""
    require("prometheus")
    *arm_ports, locust_port = free_ports(3)
    settings = {"LAB_MEMORY_CEILING_MB": str(LIMIT_MB)}
    arms = {
        name: Arm(name, port, folder / f"{name}.log", settings)
        for name, port in zip(["reused", "factory"], arm_ports, strict=True)
    }
    targets = {f"{name}:8000": f"127.0.0.1:{arm.port}" for name, arm in arms.items()}
    targets["locust:8089"] = f"127.0.0.1:{locust_port}"
    with ExitStack() as ends:
        for arm in arms.values():
            arm.start()
            ends.callback(arm.stop)
        for arm in arms.values():
            arm.wait_until_healthy()
        locust = Child(_locust(arms, locust_port, folder), folder / "locust.log")
        ends.callback(locust.stop, signal.SIGINT)
        running = Lab(ends.enter_context(prometheus(folder, targets)), targets, began=time.time(), arms=arms)
        yield running


def _locust(arms: Mapping[str, Arm], port: int, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--autostart", "--only-summary"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(port), "--rate", "100", "--watch-warm-up", "2"]
    command += ["--watch-reports", str(folder / "reports")]
    for arm in arms.values():
        command += [f"--{arm.name}-host", arm.url, "--watch", f"{arm.name}={arm.url}/metrics"]
    return command
