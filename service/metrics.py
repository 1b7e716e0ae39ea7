"""The service's `/metrics` page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_fastapi_instrumentator import Instrumentator, metrics
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sadpath.plugins import prometheus
from service.errors import ApiError
from service.lab import Lab

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
NOT_COUNTED = ["^/metrics$", "^/healthz$"]


class Metrics:
    """One registry with the request metrics, prometheus_client's collectors and Sadpath's."""

    def __init__(self, lab: Lab) -> None:
        self.registry = CollectorRegistry()
        self._lab = lab
        self._raised = Counter(
            "sadpath_errors_raised",
            "Errors that were raised and became a response.",
            ["error", "strategy"],
            registry=self.registry,
        )
        if lab.settings.metrics == "all":
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)

    def start(self) -> Callable[[], None]:
        """Start recording; return the function that stops it."""
        limit = self._lab.settings.memory_limit_mb
        return prometheus.install(self.registry, self._lab.census, limit and limit << 20)

    def on_error(self, scope: Scope, error: ApiError) -> None:
        """Count one error that was raised and became a response."""
        self._raised.labels(error.code, self._strategy(scope["path"])).inc()

    def install(self, app: FastAPI) -> None:
        """Add the page to `app`. With `LAB_METRICS=all`, count and time the requests of all its routes too."""
        app.add_api_route(
            "/metrics", self.page, tags=["operation"], response_class=PlainTextResponse, summary="Metrics"
        )
        if self._lab.settings.metrics == "all":
            self._count_requests(app)

    async def page(self, request: Request) -> Response:
        """Return all metrics in the format that the client asks for; as text if its `Accept` cannot be understood."""
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
            body = encode(self.registry)
        except (TypeError, ValueError):  # a version that is no version: `text/plain;version=new`
            encode, content_type = choose_encoder("")
            body = encode(self.registry)
        return Response(body, headers={"Content-Type": content_type})

    def _strategy(self, path: str) -> str:
        """Return how the error on this path was raised: by the current strategy, or by a twin's variant."""
        match path.split("/"):
            case ["", "reused", *_]:
                return self._lab.strategy
            case ["", "twins", _, variant]:
                return variant
        return "factory"

    def _count_requests(self, app: FastAPI) -> None:
        requests = Counter(
            "http_requests",
            "Requests by method, status and handler; a websocket handshake counts as one.",
            ["method", "status", "handler"],
            registry=self.registry,
        )
        instrumentator = Instrumentator(
            should_group_status_codes=False, excluded_handlers=NOT_COUNTED, registry=self.registry
        )
        instrumentator.add(lambda info: requests.labels(info.method, info.modified_status, info.modified_handler).inc())
        instrumentator.add(metrics.latency(registry=self.registry, buckets=LATENCY_BUCKETS))
        instrumentator.instrument(app)
        for route in app.routes:
            if isinstance(route, WebSocketRoute):
                route.app = CountedSession(route.app, route.path, requests)


class CountedSession:
    """A websocket route that counts its accepted handshakes; the instrumentator does not count them.

    It wraps this route alone. The call returns the route's own coroutine, so that no frame of this class is in an
    error's traceback.
    """

    def __init__(self, session: ASGIApp, path: str, requests: Counter) -> None:
        self.session = session
        self.path = path
        self.requests = requests

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Start the session."""

        async def counting(message: Message) -> None:
            if message["type"] == "websocket.accept":
                self.requests.labels("GET", "101", self.path).inc()
            await send(message)

        return self.session(scope, receive, counting)
