"""What our plugin costs Locust: requests a second at full speed, with services watched and without."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from loadtest.arms import free_ports
from loadtest.bench.plan import Bench, Measurement
from loadtest.bench.rounds import RoundFailed
from loadtest.bench.rows import Goal, Row, compare
from loadtest.bench.servers import Server, running, service
from sadpath.lifeline import Child

NAME = "locust plugin"
ARMS = ("reused", "factory")
NO_LIMIT = "100000"
"""A rate that no arm answers at, in requests a second."""

WARM_UP_FOR_EVER = "3600"
"""Seconds for which the scenario sends both arms to the factory path: always, so that no pile slows an arm down."""

PATIENCE_S = 60.0


def measure(bench: Bench) -> Iterator[Row]:
    """Run Locust with our plugin watching and without, in turn."""
    ports = free_ports(len(ARMS))
    arms = [service(arm, bench.folder, port, LAB_METRICS="all") for arm, port in zip(ARMS, ports, strict=True)]
    with_it, without = [], []
    of, goal = MEASUREMENT.rows[NAME]
    with running(*arms):
        for number in range(bench.plan.locust_runs):
            bench.say(f"Locust with the plugin and without, pair {number + 1} of {bench.plan.locust_runs}")
            with_it.append(_requests_per_s(arms, bench, is_watched=True))
            without.append(_requests_per_s(arms, bench, is_watched=False))
            figures = {"requests_per_s": _rounded(with_it), "without_requests_per_s": _rounded(without)}
            yield compare(NAME, of, with_it, without, goal, **figures)


def _requests_per_s(arms: list[Server], bench: Bench, *, is_watched: bool) -> float:
    """Run Locust once to its end. Raises `RoundFailed` if it leaves no statistics."""
    statistics = bench.folder / "statistics.json"
    statistics.unlink(missing_ok=True)
    locust = Child(_command(arms, bench, statistics, is_watched=is_watched), bench.folder / "plugin.log")
    try:
        deadline = time.monotonic() + bench.plan.locust_seconds + PATIENCE_S
        while locust.status() is None and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        locust.stop()
    if not statistics.exists():
        raise RoundFailed(f"Locust left no statistics: {locust.last_line()}")
    return _rate(json.loads(statistics.read_text()))


def _command(arms: list[Server], bench: Bench, statistics: Path, *, is_watched: bool) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
    command += [
        "--run-time",
        f"{bench.plan.locust_seconds}s",
        "--stop-timeout",
        "2",
        "--json-file",
        str(statistics.with_suffix("")),
    ]
    command += ["--rate", NO_LIMIT, "--context-kb", "0", "--sadpath-warm-up", WARM_UP_FOR_EVER]
    command += ["--sadpath-reports", str(bench.folder / "watched")]
    for arm in arms:
        command += [f"--{arm.name}-host", arm.url]
        command += ["--sadpath-watch", f"{arm.name}={arm.url}/metrics"] if is_watched else []
    return command


def _rate(entries: list[dict[str, float]]) -> float:
    """Return the requests a second of Locust's statistics. Raises `RoundFailed` if there were none, or failures."""
    requests, failures = (sum(entry[count] for entry in entries) for count in ("num_requests", "num_failures"))
    if not requests or failures:
        raise RoundFailed(f"{failures} of {requests} requests failed")
    seconds = max(entry["last_request_timestamp"] for entry in entries) - min(entry["start_time"] for entry in entries)
    return requests / seconds


def _rounded(rates: list[float]) -> list[int]:
    return [round(rate) for rate in rates]


MEASUREMENT = Measurement(
    {
        NAME: (
            "requests a second of Locust with our plugin watching against Locust without it",
            Goal(0.95, at_least=True),
        )
    },
    measure,
)
