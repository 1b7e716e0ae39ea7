"""What watching costs whoever sends the load: Locust's rate, a poll of the live page, the report at the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from experiments.compare.ratios import HOURS, Bench, BenchMeasurement, BenchRow, compare
from experiments.compare.turns import RoundFailed
from experiments.measurement import rounded
from loadtest import ARMS
from loadtest.ports import free_ports
from loadtest.server import Server, run_to_its_end, running, service, watch_options
from sadpath.sources import Reading
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Latency, Sample, SampleFile

if TYPE_CHECKING:
    from flask.testing import FlaskClient

NO_LIMIT = "100000"
"""A rate that no arm answers at, in requests a second."""

WARM_UP_FOR_EVER_S = 3600.0
"""For which both arms take the factory path: always, so that nothing retained slows an arm down."""

PATIENCE_S = 60.0
POLL_S, REPORT_S = 0.005, 3.0
"""CPU time that a poll and a report may take: a ratio of 1."""

POLLS = 40
RATE = 100


def _plugin(bench: Bench) -> Iterator[BenchRow]:
    """Run Locust with our plugin watching and without, in turn."""
    ports = free_ports(len(ARMS))
    arms = [service(arm, bench.folder, port) for arm, port in zip(ARMS, ports, strict=True)]
    with_it, without = [], []
    with running(*arms):
        for number in range(bench.effort.locust_runs):
            bench.say(f"Locust with the plugin and without, pair {number + 1} of {bench.effort.locust_runs}")
            with_it.append(_requests_per_s(arms, bench, is_watched=True))
            without.append(_requests_per_s(arms, bench, is_watched=False))
            figures = {"requests_per_s": with_it, "without_requests_per_s": without}
            yield compare("locust plugin", with_it, without, **rounded(figures, 0))


def _requests_per_s(arms: Sequence[Server], bench: Bench, *, is_watched: bool) -> float:
    """Run Locust once to its end. Raises `RoundFailed` if it leaves no statistics, no requests, or failures."""
    page = bench.folder / "statistics.json"
    page.unlink(missing_ok=True)
    command = _locust(arms, bench, page, is_watched=is_watched)
    _, last_line = run_to_its_end(command, bench.folder / "plugin.log", bench.effort.locust_seconds + PATIENCE_S)
    if not page.exists():
        raise RoundFailed(f"Locust left no statistics: {last_line}")
    entries = json.loads(page.read_text())
    requests, failures = (sum(entry[count] for entry in entries) for count in ("num_requests", "num_failures"))
    if not requests or failures:
        raise RoundFailed(f"{failures} of {requests} requests failed")
    seconds = max(entry["last_request_timestamp"] for entry in entries) - min(entry["start_time"] for entry in entries)
    return float(requests / seconds)


def _locust(arms: Sequence[Server], bench: Bench, statistics: Path, *, is_watched: bool) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
    command += ["--run-time", f"{bench.effort.locust_seconds}s", "--stop-timeout", "2"]
    command += ["--json-file", str(statistics.with_suffix("")), "--rate", NO_LIMIT, "--context-kb", "0"]
    for arm in arms:
        command += [f"--{arm.name}-host", arm.url]
    watched = {arm.name: arm.url for arm in arms if is_watched}
    return command + watch_options(watched, bench.folder / "watched", WARM_UP_FOR_EVER_S)


def _long_run(bench: Bench) -> Iterator[BenchRow]:
    """Make the samples of two arms, one of which leaks and is restarted, and time what is made of them."""
    bench.say(f"{HOURS} hours of samples of two arms")
    samples = [sample for second in range(HOURS * 3600 + POLLS) for sample in _samples(second)]
    if "live page" in bench.wanted:
        polls = _polls(samples)
        figures = {"poll_ms": round(median(polls) * 1e3, 2), "max_poll_ms": round(max(polls) * 1e3, 2)}
        yield compare("live page", polls, [POLL_S] * len(polls), **figures)
    if "report" in bench.wanted:
        reports = [_report(samples, bench.folder / f"long-{number}") for number in range(2)]
        yield compare("report", reports, [REPORT_S] * 2, report_s=round(median(reports), 2))


def _samples(second: int) -> Iterator[Sample]:
    """Yield the samples of one second: one arm gains 35 KB a request and is restarted each half hour."""
    lifetime, age = divmod(second, 1800)
    for arm, bytes_per_request in (("reused", 35_000), ("factory", 0)):
        requests = float(age * RATE)
        memory = 4e7 + requests * bytes_per_request + second % 7 * 4096
        start = float(lifetime * 1800) if arm == "reused" else 0.0
        reading = Reading(memory, memory, 512e6 * 2**4, start, requests if start else float(second * RATE), 0.0)
        yield Sample(float(second), arm, "measured", reading, Latency(5.0, 20.0))


@dataclass
class EndlessLoad:
    """A load that goes on, as the live page asks for it."""

    run: Run
    names: Sequence[str] = ARMS
    folder: Path = Path()
    about: str = ""
    is_running: bool = True
    concluded: Run | None = None

    def mark(self, words: str, arms: Iterable[str]) -> None:
        """Do nothing."""


def _polls(samples: list[Sample]) -> list[float]:
    """Poll the page after each of the last seconds, as a browser does; the CPU time of each poll."""
    from flask import Flask  # noqa: PLC0415 - as the page: a second that no other command needs

    from sadpath.watch.live.page import LivePage  # noqa: PLC0415

    app, run = Flask(__name__), Run()
    LivePage(app, EndlessLoad(run))
    client = app.test_client()
    before = len(samples) - 2 * POLLS
    for i in range(0, before, 1200):  # a browser was there all the time, if not each second
        run.extend(samples[i : min(i + 1200, before)])
        _poll(client)
    polls = []
    for i in range(before, len(samples), 2):
        run.extend(samples[i : i + 2])
        polls.append(_poll(client))
    return polls


def _poll(client: FlaskClient) -> float:
    began = time.thread_time()
    assert client.get("/sadpath/rows").status_code == 200  # noqa: PLR2004, S101 - it measures nothing otherwise
    return time.thread_time() - began


def _report(samples: list[Sample], folder: Path) -> float:
    """Write the report of all samples; its CPU time."""
    from sadpath.watch.report import SAMPLES, write_report  # noqa: PLC0415 - as the page

    file = SampleFile(folder / SAMPLES)
    for sample in samples:
        file.append(sample)
    file.close()
    began = time.process_time()
    write_report(folder)
    return time.process_time() - began


MEASUREMENTS = (BenchMeasurement(["locust plugin"], _plugin), BenchMeasurement(["live page", "report"], _long_run))
