"""Servers take turns: rounds of an exact number of requests, dealt out in slices, and what each server took for them.

Only one server has requests in flight at a time, so what it used from the first to the last of a slice is the slice's.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from http.client import HTTPException

import psutil

from experiments.client import TIMEOUT_S, fetch
from loadtest.server import Server
from sadpath.check.driver import Driver, Request
from sadpath.errors import CommandError

CLIENTS = 8
EXPECTED_STATUS = 404
SLICE_REQUESTS = 300
SCRAPE_EVERY_S = 1.0
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What Prometheus asks for."""

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
    """A round did not come to its end, or got wrong answers; `name` is that of the server that failed, if one did."""

    def __init__(self, reason: str, name: str = "") -> None:
        super().__init__(f"{name}: {reason}" if name else reason)
        self.name = name


class Lane:
    """A server that takes its turns, and its driver: each connection sends as fast as it is answered.

    `is_scraped` is whether its metrics are fetched after each second of its own time and at the end of a round, inside
    the measured time; `is_released` whether it releases what it retains before a round, outside of it.
    """

    def __init__(self, name: str, server: Server, *, is_scraped: bool = False, is_released: bool = False) -> None:
        self.name, self.pid, self.url = name, server.pid(), server.url
        self.is_scraped, self.is_released = is_scraped, is_released
        self._driver = Driver(server.url, connections=CLIENTS, timeout_s=TIMEOUT_S)

    def send(self, path: str, requests: int) -> list[float]:
        """Send so many requests, and return their response times in ms. Raises `RoundFailed` at any other answer."""
        sent = self._driver.send([Request("GET", path)], requests)
        wrong = [f"answered {status}, not {EXPECTED_STATUS}" for status in sent.statuses if status != EXPECTED_STATUS]
        if failed := [*sent.failures, *wrong]:
            raise RoundFailed(failed[0], self.name)
        return [1000 * seconds for seconds in sent.seconds]


@dataclass(frozen=True)
class Part:
    """What one server is sent in a round: `requests` times `path`, which has to answer 404."""

    lane: Lane
    path: str
    requests: int


@dataclass
class PartResult:
    """What one part took: CPU seconds of the server, user and system; wall seconds; how often it was scraped."""

    name: str
    requests: int
    cpu_s: float = 0.0
    wall_s: float = 0.0
    scrapes: int = 0
    response_ms: list[float] = field(default_factory=list)

    @property
    def cpu_per_request_us(self) -> float:
        """CPU time of the server for one request, in microseconds."""
        return self.cpu_s / self.requests * 1e6


def deal(requests: int, slices: int) -> list[int]:
    """Deal `requests` out to `slices` as evenly as it goes."""
    share, rest = divmod(requests, slices)
    return [share + (number < rest) for number in range(slices)]


def play(parts: Sequence[Part], slice_requests: int = SLICE_REQUESTS) -> dict[str, PartResult]:
    """Play a round: release, then all slices of all parts, another part first in each; return the results by name.

    A slice has about `slice_requests` requests of the longest part: a neighbour on the machine that disturbs a second
    of the round so disturbs all. Raises `RoundFailed` at the first part that fails.
    """
    slices = max(1, max(part.requests for part in parts) // slice_requests)
    meters = deque(_Meter(part, slices) for part in parts)
    for step in (_Meter.release, *[_Meter.play_slice] * slices, _Meter.end):
        for meter in meters:
            try:
                step(meter)
            except (OSError, HTTPException, psutil.Error) as error:
                raise RoundFailed(str(error) or type(error).__name__, meter.result.name) from error
        meters.rotate()
    return {meter.result.name: meter.result for meter in meters}


class _Meter:
    """Plays one part of a round, and adds up what its slices took."""

    def __init__(self, part: Part, slices: int) -> None:
        self._lane, self._path, self._left = part.lane, part.path, deal(part.requests, slices)
        self.result = PartResult(part.lane.name, part.requests)

    def release(self) -> None:
        """Bring the server to the state that all rounds start from."""
        if self._lane.is_released:
            fetch(f"{self._lane.url}/lab/release", "POST")

    def play_slice(self) -> None:
        """Send the next slice, scraping when a second of the part's own time is over."""
        with self, ThreadPoolExecutor(1) as beside:
            job = beside.submit(self._lane.send, self._path, self._left.pop())
            while wait([job], self._until_scrape_s()).not_done:
                self._scrape()
        self.result.response_ms += job.result()

    def end(self) -> None:
        """Scrape once more, so that no request is left unseen."""
        with self:
            self._scrape()

    def _until_scrape_s(self) -> float | None:
        own_s = self.result.wall_s + time.monotonic()  # `__enter__` took the beginning of the slice off
        return max(0.0, (self.result.scrapes + 1) * SCRAPE_EVERY_S - own_s) if self._lane.is_scraped else None

    def _scrape(self) -> None:
        if self._lane.is_scraped:
            self.result.scrapes += 1
            fetch(f"{self._lane.url}/metrics", headers={"Accept": ACCEPT})

    def __enter__(self) -> None:
        self.result.wall_s -= time.monotonic()
        self.result.cpu_s -= used_s(self._lane.pid)

    def __exit__(self, *_: object) -> None:
        self.result.cpu_s += used_s(self._lane.pid)
        self.result.wall_s += time.monotonic()
