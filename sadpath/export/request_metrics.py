"""Requests counted and timed, by method, handler and status: what the ASGI and the WSGI middleware share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Upper bounds of the response times, in seconds."""

NOT_COUNTED = ("/metrics", "/healthz")
"""Paths that are not part of the load, so that bytes per request are per request of a user."""

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
OTHER_METHOD = "other"
UNKNOWN_PATH = "none"
"""The handler of each request that no route matches. A stranger who tries paths or methods adds no series."""

Observe = Callable[[float], None]


class RequestMetrics:
    """`http_requests_total` and `http_request_duration_seconds`, both by method, handler and status.

    A request costs one look into a table, since `labels()` of prometheus_client is several times as slow. Raises
    `ValueError` if the registry already has metrics of these names; then none is registered.
    """

    def __init__(
        self,
        registry: CollectorRegistry = REGISTRY,
        buckets: Sequence[float] = BUCKETS,
        not_counted: Collection[str] = NOT_COUNTED,
    ) -> None:
        labels = ["method", "handler", "status"]
        self.not_counted = frozenset(not_counted)
        self._registry = registry
        self._requests = Counter(
            "http_requests",
            "Requests by method, status and handler; a websocket handshake counts as one.",
            labels,
            registry=registry,
        )
        try:
            self._durations = Histogram(
                "http_request_duration_seconds",
                "Duration of HTTP requests in seconds.",
                labels,
                buckets=buckets,
                registry=registry,
            )
        except ValueError:
            registry.unregister(self._requests)
            raise
        self._series: dict[tuple[str, str, int], tuple[Callable[[], None], Observe]] = {}

    def count(self, method: str, handler: str, status: int) -> Observe:
        """Count one request, and return the function that takes its duration in seconds."""
        if method not in METHODS:
            method = OTHER_METHOD
        key = method, handler, status
        increment, observe = self._series.get(key) or self._new_series(key)
        increment()
        return observe

    def count_handshake(self, handler: str) -> None:
        """Count an accepted websocket. Its session has no duration: it lasts as long as the client wants."""
        self._requests.labels("GET", handler, "101").inc()

    def remove(self) -> None:
        """Take both metrics out of the registry."""
        self._registry.unregister(self._requests)
        self._registry.unregister(self._durations)

    def _new_series(self, key: tuple[str, str, int]) -> tuple[Callable[[], None], Observe]:
        method, handler, status = key
        labels = method, handler, str(int(status))
        series = self._requests.labels(*labels).inc, self._durations.labels(*labels).observe
        return self._series.setdefault(key, series)
