"""The whole set-up of a service in one call: see `sadpath.install`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeGuard, cast

from prometheus_client import REGISTRY, CollectorRegistry

from sadpath.export import asgi, collectors, wsgi
from sadpath.export.request_metrics import NOT_COUNTED, RequestMetrics
from sadpath.probe.census import Census

MAX_FOLLOWED = 200
"""Each is a series of each metric of the census, so a cache or a list that grows must not add them without end."""


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
    asgi.add_to_starlette(app, metrics, path, asgi.MetricsApp(registry))
    return app


def _to_flask(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    wsgi.add_to_flask(app, metrics, path, wsgi.MetricsApp(registry))
    return app


def _around_asgi(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    counted = asgi.RequestMiddleware(app, metrics) if metrics else app
    return asgi.WithPage(counted, path, asgi.MetricsApp(registry))


def _around_wsgi(app: Any, metrics: RequestMetrics | None, path: str, registry: CollectorRegistry) -> Any:
    counted = wsgi.RequestMiddleware(app, metrics) if metrics else app
    return wsgi.WithPage(counted, path, wsgi.MetricsApp(registry))


def named_errors(holder: object) -> dict[str, BaseException]:
    """Return the exception objects of `holder` by the name of their attribute or key: `user_not_found`.

    Those in a list get the list's name and their index: `retries.0`; in a list that is itself the holder, `errors.0`.
    An object that is there under several names has the first one. At most `MAX_FOLLOWED`. No attribute is evaluated, be
    it a property or a lazy object.
    """
    named: dict[int, tuple[str, BaseException]] = {}
    for name, error in _errors(holder):
        named.setdefault(id(error), (name, error))
    return dict(islice(named.values(), MAX_FOLLOWED))


def check_errors(holder: object) -> None:
    """Raise `TypeError` if `holder` cannot hold exception objects, `ValueError` if a class or module holds none.

    An empty mapping or list may fill later.
    """
    if isinstance(holder, str | bytes | BaseException):
        raise TypeError(f"errors={holder!r}: expected a class, module, mapping or list that holds exception objects")
    if not isinstance(holder, Mapping | list | tuple) and not named_errors(holder):
        name = getattr(holder, "__name__", repr(holder))
        raise ValueError(
            f"errors={name} holds no exception object: expected attributes such as user_not_found = ApiError(404)"
        )


def _errors(holder: object) -> Iterator[tuple[str, BaseException]]:
    for name, value in _members(holder):
        if _is_error(value):
            yield name, value
        elif issubclass(type(value), list | tuple) and not isinstance(holder, list | tuple):
            yield from (
                (f"{name}.{index}", one) for index, one in enumerate(cast("list[object]", value)) if _is_error(one)
            )


def _members(holder: object) -> list[tuple[str, object]]:
    if isinstance(holder, Mapping):
        return [(str(key), value) for key, value in list(holder.items())]
    if isinstance(holder, list | tuple):
        return [(f"errors.{index}", one) for index, one in enumerate(holder)]
    return [(name, value) for name, value in inspect.getmembers_static(holder) if not name.startswith("__")]


def _is_error(value: object) -> TypeGuard[BaseException]:
    """By its type, here as for lists: `isinstance` would ask a lazy object for its class."""
    return issubclass(type(value), BaseException)
