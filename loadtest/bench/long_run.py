"""What eight hours of samples cost: one poll of the live page, and the report at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flask import Flask
from flask.testing import FlaskClient

from loadtest.bench.effort import Bench, Measurement
from loadtest.bench.ratios import BenchRow, Goal, compare
from sadpath.sources import Reading
from sadpath.watch.live.page import LivePage
from sadpath.watch.report import SAMPLES, write_report
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Latency, Sample, SampleFile

HOURS = 8
POLL_S, REPORT_S = 0.005, 3.0
"""CPU time that a poll and a report may take: a ratio of 1."""

POLLS = 40
RATE = 100


def measure(bench: Bench) -> Iterator[BenchRow]:
    """Make the samples of two arms, one of which leaks and is restarted, and time what is made of them."""
    seconds = HOURS * 3600
    bench.say(f"{HOURS} hours of samples of two arms")
    samples = [sample for second in range(seconds + POLLS) for sample in _samples(second)]
    rows = MEASUREMENT.rows
    if "live page" in bench.wanted:
        polls = _polls(samples)
        figures = {"poll_ms": round(median(polls) * 1e3, 2), "max_poll_ms": round(max(polls) * 1e3, 2)}
        of, goal = rows["live page"]
        yield compare("live page", of, polls, [POLL_S] * len(polls), goal, **figures)
    if "report" in bench.wanted:
        reports = [_report(samples, bench.folder / f"long-{number}") for number in range(2)]
        of, goal = rows["report"]
        yield compare("report", of, reports, [REPORT_S] * 2, goal, report_s=round(median(reports), 2))


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
class Watched:
    """A load that goes on."""

    run: Run
    names: Sequence[str] = ("reused", "factory")
    folder: Path = Path()
    about: str = ""
    is_running: bool = True
    concluded: Run | None = None

    def mark(self, words: str, arms: Iterable[str]) -> None:
        """Do nothing."""


def _polls(samples: list[Sample]) -> list[float]:
    """Poll the page after each of the last seconds, as a browser does; the CPU time of each poll."""
    app, run = Flask(__name__), Run()
    LivePage(app, Watched(run))
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
    file = SampleFile(folder / SAMPLES)
    for sample in samples:
        file.append(sample)
    file.close()
    began = time.process_time()
    write_report(folder)
    return time.process_time() - began


MEASUREMENT = Measurement(
    {
        "live page": (f"CPU of a poll of the live page after {HOURS} hours, against 5 ms", Goal(1.0)),
        "report": (f"CPU of the report after {HOURS} hours, against 3 s", Goal(1.0)),
    },
    measure,
)
