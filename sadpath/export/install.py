"""The whole set-up of a service in one call: see `sadpath.install`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry

from sadpath.export import asgi, collectors, wsgi
from sadpath.export.named_errors import check_errors, named_errors
from sadpath.export.request_metrics import NOT_COUNTED, RequestMetrics
from sadpath.probe.census import Census


@dataclass(frozen=True)
class Installed:
    """What `sadpath.install` has set up.

    `app` is what your server has to serve: the app itself if it is a FastAPI, Starlette or Flask app, or else a new one
    around it. `registry` has all metrics. `remove` takes ours out of it again; the app keeps the page.
    """

    app: Any
    registry: CollectorRegistry
    remove: Callable[[], None]


def install(
    app: Any,
    errors: object,
    *,
    registry: CollectorRegistry | None = None,
    path: str = "/metrics",
    count_requests: bool = True,
) -> Installed:
    """Do what `sadpath.install` describes."""
    check_errors(errors)
    add = _how_to_add(app)
    registry = REGISTRY if registry is None else registry
    with ExitStack() as undo:
        metrics = _request_metrics(registry, path) if count_requests else None
        if metrics:
            undo.callback(metrics.remove)
        undo.callback(collectors.install(registry, Census(lambda: named_errors(errors))))
        served = add(app, metrics, path, registry)
        return Installed(served, registry, undo.pop_all().close)


def _request_metrics(registry: CollectorRegistry, path: str) -> RequestMetrics:
    try:
        return RequestMetrics(registry, not_counted={path, *NOT_COUNTED})
    except ValueError as error:
        raise ValueError(
            "the registry already has http_requests_total or http_request_duration_seconds: give count_requests=False "
            "to keep what counts them now, or another registry=CollectorRegistry()"
        ) from error


Add = Callable[[Any, RequestMetrics | None, str, CollectorRegistry], Any]


def _how_to_add(app: Any) -> Add:
    if hasattr(app, "build_middleware_stack") and hasattr(app, "add_route"):
        return _to_starlette
    if hasattr(app, "wsgi_app") and hasattr(app, "add_url_rule"):
        return _to_flask
    match _arguments(app):
        case 3:
            return _around_asgi
        case 2:
            return _around_wsgi
    raise TypeError(f"{app!r} is no app: expected one of FastAPI, Starlette or Flask, or an ASGI or WSGI callable")


def _arguments(app: Any) -> int | None:
    """Return how many arguments a call of `app` must have, which tells ASGI from WSGI; None if that is unknown."""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    return sum(
        one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters
    )


def _to_starlette(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    asgi.add_to_starlette(app, metrics, path, asgi.MetricsPage(registry))
    return app


def _to_flask(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    wsgi.add_to_flask(app, metrics, path, wsgi.MetricsPage(registry))
    return app


def _around_asgi(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    counted = asgi.RequestMiddleware(app, metrics) if metrics else app
    return asgi.WithPage(counted, path, asgi.MetricsPage(registry))


def _around_wsgi(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    counted = wsgi.RequestMiddleware(app, metrics) if metrics else app
    return wsgi.WithPage(counted, path, wsgi.MetricsPage(registry))
