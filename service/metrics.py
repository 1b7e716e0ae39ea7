"""The service's `/metrics` page."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from starlette.responses import PlainTextResponse
from starlette.types import Scope

from sadpath.export import collectors
from sadpath.export.asgi import wrap_starlette
from sadpath.export.request_metrics import RequestMetrics
from sadpath.exposition import render
from service.errors import ApiError
from service.lab import Lab


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
        self._raised_series: dict[tuple[str, str], Callable[[], None]] = {}  # labels() costs more than all the rest
        if lab.settings.metrics == "all":
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)

    def start(self) -> Callable[[], None]:
        """Start recording; return the function that stops it."""
        limit = self._lab.settings.memory_limit_mb
        return collectors.install(self.registry, self._lab.census, limit and limit << 20)

    def on_error(self, scope: Scope, error: ApiError) -> None:
        """Count one error that was raised and became a response."""
        labels = error.code, self._strategy(scope["path"])
        increment = self._raised_series.get(labels)
        if increment is None:
            increment = self._raised_series[labels] = self._raised.labels(*labels).inc
        increment()

    def install(self, app: FastAPI) -> None:
        """Add the page to `app`. With `LAB_METRICS=all`, count and time the requests of all its routes too."""
        app.add_api_route(
            "/metrics", self.page, tags=["operation"], response_class=PlainTextResponse, summary="Metrics"
        )
        if self._lab.settings.metrics == "all":
            wrap_starlette(app, RequestMetrics(self.registry))

    async def page(self, request: Request) -> Response:
        """Return all metrics in the format that the client asks for; as text if its `Accept` cannot be understood."""
        body, content_type = render(self.registry, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    def _strategy(self, path: str) -> str:
        """Return how the error on this path was raised: by the current strategy, or by a twin's variant."""
        match path.split("/"):
            case ["", "reused", *_]:
                return self._lab.strategy
            case ["", "twins", _, variant]:
                return variant
        return "factory"
