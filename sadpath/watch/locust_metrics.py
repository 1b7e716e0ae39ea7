"""Locust's own figures for Prometheus, as `/metrics` on its web UI.

They are read from the statistics that Locust keeps anyway, when they are asked for: no request costs anything more, and
on a master they hold the workers' too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sadpath.exposition import render
from sadpath.watch.sample_file import Latency

if TYPE_CHECKING:
    from flask import Flask
    from locust.env import Environment

BOUNDS_MS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""Upper bounds of the histogram's buckets. Locust keeps whole milliseconds, to two digits, and nothing finer."""

ALL, OTHER = "all", "other"


def arm_of(request_name: str, arms: Sequence[str]) -> str:
    """Return the arm with whose name a request's name begins; `other` for a request of no watched arm.

    Where only one service is watched, all requests are counted as its own.
    """
    if len(arms) == 1:
        return arms[0]
    return next((arm for arm in arms if request_name.startswith(f"{arm} ")), OTHER)


class Latencies:
    """Response times since they were last asked for, from Locust's own statistics; a master has the workers' too."""

    def __init__(self, environment: Environment, arms: Sequence[str]) -> None:
        self._environment = environment
        self._arms = arms
        self._last: dict[str, dict[int, int]] = {}

    def of(self, name: str) -> Latency:
        """Return the percentiles of the newest response times of one service."""
        from locust import stats  # noqa: PLC0415 - importing Locust patches sockets and threads

        now: Counter[int] = Counter()
        for (request_name, _), entry in self._environment.stats.entries.items():
            if arm_of(request_name, self._arms) == name:
                now.update(entry.response_times)
        new = stats.diff_response_time_dicts(now, self._last.get(name, {}))
        self._last[name] = dict(now)
        count = sum(new.values())
        if count <= 0 or min(new.values()) < 0:  # the statistics were reset
            return Latency()
        return Latency(*(stats.calculate_response_time_percentile(new, count, percent) for percent in (0.5, 0.99)))


class LocustCollector(Collector):
    """Users, requests, failures and response times by arm; where no service is watched, all are of the arm `all`."""

    def __init__(self, environment: Environment, arms: Sequence[str]) -> None:
        self._environment = environment
        self._arms = list(arms) or [ALL]

    def collect(self) -> Iterator[Metric]:
        """Read Locust's statistics. They begin again at zero when someone resets them, as counters may."""
        requests = CounterMetricFamily("locust_requests", "Requests that were answered or failed.", labels=["arm"])
        failures = CounterMetricFamily("locust_failures", "Requests that did not end as expected.", labels=["arm"])
        times = HistogramMetricFamily("locust_response_time_seconds", "As the users see them.", labels=["arm"])
        for arm, one in self._by_arm().items():
            requests.add_metric([arm], one.requests)
            failures.add_metric([arm], one.failures)
            times.add_metric([arm], one.buckets(), one.total_ms / 1000)
        runner = self._environment.runner
        yield GaugeMetricFamily("locust_users", "Users that run now.", value=runner.user_count if runner else 0)
        yield from (requests, failures, times)

    def _by_arm(self) -> dict[str, _Load]:
        loads = {arm: _Load() for arm in self._arms}
        for (name, _), entry in self._environment.stats.entries.items():
            load = loads.setdefault(arm_of(name, self._arms), _Load())
            load.requests += entry.num_requests
            load.failures += entry.num_failures
            load.total_ms += entry.total_response_time
            load.times_ms.update(entry.response_times)
        return loads


class _Load:
    """What was sent to one arm."""

    def __init__(self) -> None:
        self.requests = self.failures = 0
        self.total_ms = 0.0
        self.times_ms: Counter[int] = Counter()

    def buckets(self) -> list[tuple[str, float]]:
        """Return the histogram as Prometheus wants it: each bound with the count of all below it."""
        counts = [0] * (len(BOUNDS_MS) + 1)
        for time_ms, count in self.times_ms.items():
            counts[bisect_left(BOUNDS_MS, time_ms)] += count
        bounds = [*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(counts)), strict=True))


def add_metrics_page(app: Flask, environment: Environment, arms: Sequence[str]) -> None:
    """Add the page to Locust's web UI, with a registry of its own."""
    from flask import Response, request  # noqa: PLC0415 - comes with Locust, which whoever calls this has

    registry = CollectorRegistry()
    registry.register(LocustCollector(environment, arms))

    @app.route("/metrics")
    def locust_metrics() -> Response:
        body, content_type = render(registry, request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)
