"""Request metrics for any ASGI app: `app = RequestMiddleware(app)`, or `wrap_starlette(app, metrics)`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry

from sadpath.export.request_metrics import UNKNOWN_PATH, Observe, RequestMetrics
from sadpath.exposition import render

__all__ = ["RequestMetrics", "RequestMiddleware", "wrap_starlette"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})
"""The messages that may be a response's last; other extensions send some that never are."""


class RequestMiddleware:
    """Counts and times the requests to any app.

    A request is counted when its response starts and timed when the body is complete, so a stream that is cut short has
    no duration. An exception that leaves the app unanswered is the 500 that the server is going to send.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics | None = None) -> None:
        self.app = app
        self._metrics = metrics or RequestMetrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app. Async, since servers tell by this that it is an app of today's ASGI."""
        watched = _watched(self._metrics, scope, send)
        try:
            await self.app(scope, receive, watched)
        except Exception:
            if isinstance(watched, _WatchedSend):
                watched.failed()
            raise


class FramelessMiddleware:
    """The same for an app that answers all its errors, as the complete stack of Starlette or FastAPI does.

    An exception keeps every frame that it passes, so a middleware that awaits its app makes what a reused exception
    retains larger. This one returns the app's own awaitable, and only watches what the app sends.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self._metrics = metrics

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Start the app."""
        return self.app(scope, receive, _watched(self._metrics, scope, send))


def _watched(metrics: RequestMetrics, scope: Scope, send: Send) -> Send:
    if scope["type"] == "websocket":
        return _watched_handshake(metrics, scope, send)
    if scope["type"] != "http" or own_path(scope) in metrics.not_counted:
        return send
    return _WatchedSend(metrics, scope, send)


def _watched_handshake(metrics: RequestMetrics, scope: Scope, send: Send) -> Send:
    def watched(message: Message) -> Awaitable[None]:
        if message["type"] == "websocket.accept":
            metrics.count_handshake(route_template(scope))
        return send(message)

    return watched


class _WatchedSend:
    """The `send` of one request. It lets go of the scope as soon as it has the route, so that it closes no cycle."""

    __slots__ = ("_metrics", "_observe", "_scope", "_send", "_started")

    def __init__(self, metrics: RequestMetrics, scope: Scope, send: Send) -> None:
        self._metrics = metrics
        self._scope: Scope | None = scope
        self._send = send
        self._observe: Observe | None = None
        self._started = perf_counter()

    def __call__(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "http.response.start":
            self._count(message["status"])
        elif kind in BODY and not message.get("more_body"):
            self._complete()
        return self._send(message)

    def failed(self) -> None:
        """Count a request whose response has not started as 500."""
        if self._scope is not None:
            self._count(500)
            self._complete()

    def _count(self, status: int) -> None:
        if self._scope is not None:
            self._observe = self._metrics.count(self._scope["method"], route_template(self._scope), status)
            self._scope = None

    def _complete(self) -> None:
        if self._observe is not None:
            self._observe(perf_counter() - self._started)
            self._observe = None


class MetricsApp:
    """An ASGI app that returns the metrics of a registry in the format that the client asks for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send the page."""
        accept = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept")
        body, content_type = render(self._registry, accept.decode("latin-1"))
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class WithPage:
    """An app with one more page, at `path`, for apps that have no routes of their own to add it to."""

    def __init__(self, app: ASGIApp, path: str, page: ASGIApp) -> None:
        self.app = app
        self._path = path
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page or run the app."""
        is_page = scope["type"] == "http" and own_path(scope) == self._path
        await (self._page if is_page else self.app)(scope, receive, send)


def add_to_starlette(app: Any, metrics: RequestMetrics | None, path: str, page: MetricsApp) -> None:
    """Add the page to a Starlette or FastAPI app, before its other routes, and the middleware around all others.

    Outermost, it sees the 500 too, which Starlette's own first middleware sends.
    """
    app.add_route(path, page, methods=["GET"], include_in_schema=False)
    app.router.routes.insert(0, app.router.routes.pop())  # a mount at "/" would hide it
    if metrics:
        wrap_starlette(app, metrics)


def wrap_starlette(app: Any, metrics: RequestMetrics) -> None:
    """Put the middleware around all others of a Starlette or FastAPI app, also around those that are added later."""
    build = app.build_middleware_stack

    def build_counted() -> FramelessMiddleware:
        return FramelessMiddleware(build(), metrics)

    app.build_middleware_stack = build_counted
    if app.middleware_stack is not None:  # it has started
        app.middleware_stack = FramelessMiddleware(app.middleware_stack, metrics)


def own_path(scope: Scope) -> str:
    """Return the path within the app: a server with a root path puts that in front."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def route_template(scope: Scope) -> str:
    """Return the path of the route that a request was sent to, as it was written: `/users/{user_id}`.

    Only after routing, since the router writes the route into the scope. With the prefixes of mounts and of included
    routers. Where no route matches, the same value for each path.
    """
    route = scope.get("route")
    if route is None and "endpoint" not in scope:
        return UNKNOWN_PATH
    if route is None or "app_root_path" in scope:  # FastAPI names its own routes only; within a mount, only the inner
        return _searched(scope)
    included = scope.get("fastapi", {}).get("effective_route_context")
    if included is not None and included.original_route is route:
        route = included
    return getattr(route, "path", None) or UNKNOWN_PATH


def _searched(scope: Scope) -> str:
    """Match the request once more, from the outermost router."""
    outer = {name: scope[name] for name in ("type", "method", "path", "headers") if name in scope}
    outer["root_path"] = scope.get("app_root_path", scope.get("root_path", ""))
    template = _template(getattr(scope.get("router"), "routes", ()), outer)
    return UNKNOWN_PATH if template is None else template or "/"


def _template(routes: Iterable[Any], scope: Scope) -> str | None:
    """Return the template of the first route that matches; the first that only lacks the method, if none does."""
    partial = None
    for route in _flat(routes):
        match, child = route.matches(dict(scope))
        if not match.value:
            continue
        template = _template_of(route, {**scope, **child})
        if template is not None and match.name == "FULL":
            return template
        partial = template if partial is None else partial
    return partial


def _template_of(route: Any, scope: Scope) -> str | None:
    """Return the template of one matching route; a mounted app's own routes go on where the mount's path ends."""
    path: str | None = getattr(route, "path", None)
    inner = getattr(route, "routes", None)
    if not inner:
        return path
    rest = _template(inner, scope)
    return None if rest is None else (path or "") + rest


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Yield the routes, and in place of a router that FastAPI includes, the router's with their prefix.

    Only those that can be matched: a router of another framework may have others, and a count must not fail a request.
    """
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            flat = [route]
        else:
            flat = [getattr(context, "starlette_route", None) or context for context in contexts()]
        yield from (one for one in flat if hasattr(one, "matches"))
