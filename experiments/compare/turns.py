"""Servers take turns: rounds of an exact number of requests, sent by Locust in slices, and the CPU time of each."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from sadpath.errors import CommandError
from sadpath.lifeline import Child

ROUND_TIMEOUT_S = 120.0
LOCUSTFILE = Path(__file__).with_name("turns_locustfile.py")
USERS = 8
CPUCLOCK_SCHED = 2
"""Of Linux's `posix-timers.h`: the clock of the time for which a process was scheduled."""


def used_s(pid: int) -> float:
    """Return the CPU seconds of a process so far. Raises `OSError` or `psutil.Error` if it does not exist.

    Linux counts them in nanoseconds, on a clock whose number `clock_getcpuclockid(3)` makes of the process's id.
    Elsewhere they come in hundredths; the rests of a slice then fall to the server's next one, and to no other server.
    """
    if sys.platform == "linux":
        return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


class RoundFailed(CommandError):  # noqa: N818 - it says what happened
    """A round did not come to its end, or got wrong answers; `variant` is the one that failed, if it was one."""

    def __init__(self, reason: str, variant: str | None = None) -> None:
        super().__init__(f"{variant}: {reason}" if variant else reason)
        self.variant = variant


@dataclass(frozen=True)
class Part:
    """What one variant is sent in a round: `requests` times `url`, which has to answer 404.

    `release` is posted before, outside the measured time; `scrape` is fetched after each second of the variant's own
    time and at its end, inside it. Both are addresses, or empty. `pid` is the process that is measured. `is_timed` asks
    for the response time of each request.
    """

    variant: str
    pid: int
    url: str
    requests: int
    scrape: str = ""
    release: str = ""
    is_timed: bool = False


@dataclass(frozen=True)
class Round:
    """The parts of all variants, dealt out in turn, in slices of about `slice_requests` requests of the longest part.

    A neighbour on the machine that disturbs a second of the round so disturbs all its variants.
    """

    parts: Sequence[Part]
    slice_requests: int = 300

    @property
    def slices(self) -> int:
        """In how many slices each part is sent."""
        return max(1, max(part.requests for part in self.parts) // self.slice_requests)


@dataclass(frozen=True)
class PartResult:
    """What one part took: CPU seconds of the server, user and system; wall seconds; how often it was scraped.

    `began` is when its first slice did, on the clock that all processes share, `time.monotonic`. `response_ms` has the
    response times of its requests, as they were answered, if the part is timed. `failure` is the reason why it
    did not come to its end, empty if it did.
    """

    variant: str
    requests: int
    cpu_s: float = 0.0
    wall_s: float = 0.0
    scrapes: int = 0
    failure: str = ""
    response_ms: Sequence[float] = ()
    began: float = 0.0

    @property
    def cpu_per_request_us(self) -> float:
        """CPU time of the server for one request, in microseconds."""
        return self.cpu_s / self.requests * 1e6


def deal(requests: int, slices: int) -> list[int]:
    """Deal `requests` out to `slices` as evenly as it goes."""
    share, rest = divmod(requests, slices)
    return [share + (number < rest) for number in range(slices)]


def as_json(rounds: Sequence[Round]) -> str:
    """Return rounds as the locustfile reads them."""
    return json.dumps([asdict(one) for one in rounds])


def from_json(text: str) -> list[Round]:
    """Return the rounds that `as_json` wrote."""
    return [Round([Part(**part) for part in one["parts"]], one["slice_requests"]) for one in json.loads(text)]


def play(rounds: Sequence[Round], folder: Path, on_results: Callable[[int, list[PartResult]], None]) -> None:
    """Have Locust play `rounds` in their order, and hand on the number and the results of each as they come.

    Raises `RoundFailed` at the first round that fails.
    """
    schedule, results = folder / "rounds.json", folder / "results.jsonl"
    schedule.write_text(as_json(rounds))
    results.write_text("")
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "-u", str(USERS)]
    command += ["-r", str(USERS), "--stop-timeout", "2", "--rounds", str(schedule), "--results", str(results)]
    locust = Child(command, folder / "locust.log")
    try:
        for number, one in enumerate(rounds):
            on_results(number, _checked(_wait_for(locust, results, number, ROUND_TIMEOUT_S * len(one.parts))))
    finally:
        locust.stop()


def _wait_for(locust: Child, results: Path, number: int, timeout_s: float) -> list[dict[str, Any]]:
    """Return line `number` of the file of results, once it is whole."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        has_ended = locust.status() is not None  # asked first: what it wrote before its end is read below
        lines = results.read_text().splitlines(keepends=True)
        if len(lines) > number and lines[number].endswith("\n"):
            return list(json.loads(lines[number]))
        if has_ended:
            raise RoundFailed(f"Locust ended: {locust.last_line()}")
        time.sleep(0.1)
    raise RoundFailed(f"a round did not end in {timeout_s:.0f} s")


def _checked(page: Sequence[dict[str, Any]]) -> list[PartResult]:
    results = [PartResult(**figures) for figures in page]
    for result in results:
        if result.failure:
            raise RoundFailed(result.failure, result.variant)
    return results
