"""Locust's own figures, from real statistics."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from sadpath.watch.locust_metrics import BOUNDS_MS, Latencies, LocustCollector
from sadpath.watch.sample_file import Latency

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from locust.env import Environment


def registry(environment: "Environment", *arms: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LocustCollector(environment, arms))
    return registry


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> "Environment":
    """Statistics of three requests to one arm, two of them failures, and of one to another."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # the other tests need their sockets and threads as they are
    from locust.env import Environment  # noqa: PLC0415

    environment = Environment()
    for time_ms in (1, 30, 30):
        environment.stats.log_request("GET", "reused users/42", time_ms, 0)
    environment.stats.log_error("GET", "reused users/42", "expected 404, got 500")
    environment.stats.log_error("GET", "reused session", "expected 401, got 500")
    environment.stats.log_request("GET", "factory users/42", 20_000, 0)
    return environment


def test_requests_and_failures_are_counted_by_arm(environment: "Environment") -> None:
    """Over all of an arm's requests, by the first word of their name."""
    metrics = registry(environment, "reused", "factory")
    counts = [
        metrics.get_sample_value(name, {"arm": arm})
        for name in ("locust_requests_total", "locust_failures_total")
        for arm in ("reused", "factory")
    ]
    assert counts == [3, 1, 2, 0]


def test_response_times_are_a_histogram_in_seconds(environment: "Environment") -> None:
    """A bound holds what is exactly on it, and the last holds all."""
    metrics = registry(environment, "reused", "factory")
    name = "locust_response_time_seconds"
    buckets = {
        (arm, le): metrics.get_sample_value(f"{name}_bucket", {"arm": arm, "le": le})
        for arm, le in [
            ("reused", "0.001"),
            ("reused", "0.025"),
            ("reused", "0.05"),
            ("factory", "10.0"),
            ("factory", "+Inf"),
        ]
    }
    assert list(buckets.values()) == [1, 1, 3, 0, 1]
    assert metrics.get_sample_value(f"{name}_sum", {"arm": "reused"}) == pytest.approx(0.061)


def test_the_bounds_are_whole_milliseconds_in_order() -> None:
    """What Locust keeps."""
    assert list(BOUNDS_MS) == sorted(set(map(int, BOUNDS_MS)))


@pytest.mark.parametrize(("arms", "expected"), [((), {"all": 4}), (("shop",), {"shop": 4})])
def test_where_there_is_no_pair_all_requests_are_one_arm(
    environment: "Environment", arms: tuple[str, ...], expected: Mapping[str, float]
) -> None:
    """Nothing is watched, or one service alone, whose requests need not bear its name."""
    metrics = registry(environment, *arms)
    families = {family.name: family for family in metrics.collect()}
    assert {sample.labels["arm"]: sample.value for sample in families["locust_requests"].samples} == expected


def test_a_request_of_no_watched_service_is_not_lost(environment: "Environment") -> None:
    """It is the arm `other`: a failure that nobody counts would be a lie. A word's beginning is not the word."""
    environment.stats.log_request("GET", "reusedness", 5, 0)
    metrics = registry(environment, "reused", "factory")
    assert metrics.get_sample_value("locust_requests_total", {"arm": "other"}) == 1


def test_before_the_first_request_there_are_zeros(environment: "Environment") -> None:
    """A rate has a beginning then; there is no runner yet, and so no user."""
    environment.stats.clear_all()
    metrics = registry(environment, "reused", "factory")
    assert metrics.get_sample_value("locust_requests_total", {"arm": "factory"}) == 0
    assert metrics.get_sample_value("locust_users") == 0


@pytest.mark.parametrize("times_ms", [[30], [30, 100], [30, 100, 100]])
def test_statistics_that_were_reset_have_no_latency_until_the_next_sample(
    environment: "Environment", times_ms: list[int]
) -> None:
    """Which are new cannot be told from those before, however many came since; afterwards it is known again."""
    latencies = Latencies(environment, ["reused", "factory"])
    assert latencies.of("reused") == Latency(30, 30)
    environment.stats.reset_all()
    for time_ms in times_ms:
        environment.stats.log_request("GET", "reused users/42", time_ms, 0)
    assert latencies.of("reused") == Latency()
    assert latencies.of("reused") == Latency()  # nothing is new
    environment.stats.log_request("GET", "reused users/42", 70, 0)
    assert latencies.of("reused") == Latency(70, 70)


def test_a_locustfile_without_a_watch_has_the_page_too(web_environment: "Environment", client: "FlaskClient") -> None:
    """All its requests are one arm; a header that is not understood is no error of Locust's."""
    web_environment.stats.log_request("GET", "/", 5, 0)
    response = client.get("/metrics", headers={"Host": "127.0.0.1", "Accept": "text/plain;version=new"})
    assert response.status_code == 200
    assert 'locust_requests_total{arm="all"} 1.0' in response.text
