"""What our plugin costs Locust: requests a second at full speed, with services watched and without."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from loadtest import ARMS
from loadtest.bench.effort import Bench, Measurement
from loadtest.bench.ratios import BenchRow, Goal, compare
from loadtest.bench.rounds import RoundFailed
from loadtest.measure.estimate import rounded
from loadtest.ports import free_ports
from loadtest.server import Server, run_to_its_end, running, service, watch_options

NAME = "locust plugin"
NO_LIMIT = "100000"
"""A rate that no arm answers at, in requests a second."""

WARM_UP_FOR_EVER_S = 3600.0
"""For which both arms take the factory path: always, so that nothing retained slows an arm down."""

PATIENCE_S = 60.0


def measure(bench: Bench) -> Iterator[BenchRow]:
    """Run Locust with our plugin watching and without, in turn."""
    ports = free_ports(len(ARMS))
    arms = [service(arm, bench.folder, port) for arm, port in zip(ARMS, ports, strict=True)]
    with_it, without = [], []
    of, goal = MEASUREMENT.rows[NAME]
    with running(*arms):
        for number in range(bench.effort.locust_runs):
            bench.say(f"Locust with the plugin and without, pair {number + 1} of {bench.effort.locust_runs}")
            with_it.append(_requests_per_s(arms, bench, is_watched=True))
            without.append(_requests_per_s(arms, bench, is_watched=False))
            figures = {"requests_per_s": with_it, "without_requests_per_s": without}
            yield compare(NAME, of, with_it, without, goal, **rounded(figures, 0))


def _requests_per_s(arms: list[Server], bench: Bench, *, is_watched: bool) -> float:
    """Run Locust once to its end. Raises `RoundFailed` if it leaves no statistics."""
    statistics = bench.folder / "statistics.json"
    statistics.unlink(missing_ok=True)
    command = _command(arms, bench, statistics, is_watched=is_watched)
    _, last_line = run_to_its_end(command, bench.folder / "plugin.log", bench.effort.locust_seconds + PATIENCE_S)
    if not statistics.exists():
        raise RoundFailed(f"Locust left no statistics: {last_line}")
    return _rate(json.loads(statistics.read_text()))


def _command(arms: list[Server], bench: Bench, statistics: Path, *, is_watched: bool) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
    command += ["--run-time", f"{bench.effort.locust_seconds}s", "--stop-timeout", "2"]
    command += ["--json-file", str(statistics.with_suffix("")), "--rate", NO_LIMIT, "--context-kb", "0"]
    for arm in arms:
        command += [f"--{arm.name}-host", arm.url]
    watched = {arm.name: arm.url for arm in arms} if is_watched else {}
    return command + watch_options(watched, bench.folder / "watched", WARM_UP_FOR_EVER_S)


def _rate(entries: list[dict[str, float]]) -> float:
    """Return the requests a second of Locust's statistics. Raises `RoundFailed` if there were none, or failures."""
    requests, failures = (sum(entry[count] for entry in entries) for count in ("num_requests", "num_failures"))
    if not requests or failures:
        raise RoundFailed(f"{failures} of {requests} requests failed")
    seconds = max(entry["last_request_timestamp"] for entry in entries) - min(entry["start_time"] for entry in entries)
    return requests / seconds


MEASUREMENT = Measurement(
    {
        NAME: (
            "requests a second of Locust with our plugin watching against Locust without it",
            Goal(0.95, at_least=True),
        )
    },
    measure,
)
