"""Plays rounds, each an exact number of requests to one or more servers, and measures their CPU time.

    locust -f experiments/compare/turns_locustfile.py --headless -u 8 --rounds rounds.json --results results.jsonl

Only one server has requests in flight at a time, so what it used from the first to the last of a slice is the slice's.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
import psutil
from gevent.event import Event
from locust import FastHttpUser, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import ResponseError

from experiments.compare.turns import ROUND_TIMEOUT_S, Part, PartResult, Round, deal, from_json, used_s
from experiments.measurement import fetch

EXPECTED_STATUS = 404
SCRAPE_EVERY_S = 1.0
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What Prometheus asks for."""


class Turn:
    """The slice that is being sent: what is left to send, what came back."""

    def __init__(self) -> None:
        self.url = ""
        self.to_send = 0
        self.unanswered = 0
        self.wrong = 0
        self.response_ms: list[float] = []
        self.begun = Event()
        self.over = Event()

    def begin(self, url: str, requests: int) -> None:
        """Let the users send."""
        self.url, self.to_send, self.unanswered, self.wrong = url, requests, requests, 0
        self.response_ms = []
        self.over.clear()
        self.begun.set()

    def take(self) -> None:
        """Take one request to send, or wait for a slice that has one left."""
        while not self.to_send:
            self.begun.clear()
            self.begun.wait()
        self.to_send -= 1

    def answer(self, response_ms: float, *, is_right: bool) -> None:
        """Count an answer; the last one ends the slice."""
        self.response_ms.append(response_ms)
        self.wrong += not is_right
        self.unanswered -= 1
        if not self.unanswered:
            self.over.set()


turn = Turn()


class Caller(FastHttpUser):
    """A client that sends as fast as it is answered."""

    host = "http://127.0.0.1"

    @task
    def call(self) -> None:
        """Send one request of the slice. A 404 is what is asked for."""
        turn.take()
        with self.client.get(turn.url, name="round", catch_response=True) as response:
            is_right = response.status_code == EXPECTED_STATUS
            if is_right:
                response.success()
        turn.answer(response.request_meta["response_time"], is_right=is_right)


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add the schedule and the file for the results."""
    parser.add_argument(
        "--rounds", type=Path, required=True, help="the schedule, as experiments.compare.turns writes it"
    )
    parser.add_argument("--results", type=Path, required=True, help="where a line goes after each round")


@events.test_start.add_listener
def start(environment: Environment, **_: Any) -> None:
    """Play the rounds beside the users."""
    gevent.spawn(_play, environment)


def _play(environment: Environment) -> None:
    options: Any = environment.parsed_options
    with options.results.open("a") as page:
        for one in from_json(options.rounds.read_text()):
            results = play_round(one)
            page.write(json.dumps([asdict(result) for result in results]) + "\n")
            page.flush()
            if any(result.failure for result in results):
                break
    assert environment.runner is not None  # noqa: S101 - set by Locust
    environment.runner.quit()


def play_round(one: Round) -> list[PartResult]:
    """Play one round: release, then all slices of all parts, another part first in each."""
    meters = deque(Meter(part, one.slices) for part in one.parts)
    steps = [Meter.release, *[Meter.play_slice] * one.slices, Meter.end]
    for step in steps:
        for meter in meters:
            try:
                step(meter)
            except (OSError, ResponseError, psutil.Error) as error:
                return [meter.result(str(error) or type(error).__name__)]
        meters.rotate()
    return [meter.result() for meter in meters]


class Meter:
    """Plays one part of a round, and adds up what its slices took."""

    def __init__(self, part: Part, slices: int) -> None:
        self._part = part
        self._left = deal(part.requests, slices)
        self._cpu_s = self._wall_s = 0.0
        self._scrapes = 0
        self._response_ms: list[float] = []
        self._began = 0.0

    def release(self) -> None:
        """Bring the server to the state that all rounds start from."""
        if self._part.release:
            fetch(self._part.release, "POST")

    def play_slice(self) -> None:
        """Send the next slice. Raises `ResponseError`, `TimeoutError` if it hangs, `OSError` if the server is gone."""
        requests = self._left.pop()
        self._began = self._began or time.monotonic()
        with self:
            turn.begin(self._part.url, requests)
            self._wait()
        if turn.wrong:
            raise ResponseError(f"{turn.wrong} of {requests} answers were not {EXPECTED_STATUS}")
        if self._part.is_timed:
            self._response_ms += [round(one, 3) for one in turn.response_ms]

    def end(self) -> None:
        """Scrape once more, so that no request is left unseen."""
        with self:
            self._scrape()

    def result(self, failure: str = "") -> PartResult:
        """Return what all slices took together."""
        part, used = self._part, (self._cpu_s, self._wall_s)
        scrapes = self._scrapes if part.scrape else 0
        return PartResult(part.variant, part.requests, *used, scrapes, failure, self._response_ms, self._began)

    def __enter__(self) -> None:
        self._wall_s -= time.monotonic()
        self._cpu_s -= used_s(self._part.pid)

    def __exit__(self, *_: object) -> None:
        self._cpu_s += used_s(self._part.pid)
        self._wall_s += time.monotonic()

    def _wait(self) -> None:
        """Wait for the end of the slice, scraping when a second of the part's own time is over."""
        for _ in range(int(ROUND_TIMEOUT_S / SCRAPE_EVERY_S)):
            own_s = self._wall_s + time.monotonic()  # `__enter__` took the beginning of the slice off
            if turn.over.wait(max(0.0, (self._scrapes + 1) * SCRAPE_EVERY_S - own_s)):
                return
            self._scrape()
        raise TimeoutError(f"{turn.unanswered} requests had no answer in {ROUND_TIMEOUT_S:.0f} s")

    def _scrape(self) -> None:
        self._scrapes += 1
        if self._part.scrape:
            fetch(self._part.scrape, headers={"Accept": ACCEPT})
