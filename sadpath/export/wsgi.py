"""Request metrics for any WSGI app: `app = RequestMiddleware(app)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry

from sadpath.export.request_metrics import UNKNOWN_PATH, Observe, RequestMetrics
from sadpath.exposition import render

__all__ = ["RequestMetrics", "RequestMiddleware"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class RequestMiddleware:
    """Counts and times the requests to `app`.

    A request is counted when its response starts and timed when the body is complete. An exception that leaves the app
    unanswered is the 500 that the server is going to send. The handler is the rule of a Flask app's route; without
    Flask, all requests have one.
    """

    def __init__(self, app: WSGIApp, metrics: RequestMetrics | None = None) -> None:
        self.app = app
        self._metrics = metrics or RequestMetrics()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the app."""
        if environ.get("PATH_INFO") in self._metrics.not_counted:
            return self.app(environ, start_response)
        response = _Response(self._metrics, environ, start_response)
        try:
            body = self.app(environ, response.start)
        except Exception:
            response.failed()
            raise
        return response.watched(body)


class _Response:
    """One response, from the request on."""

    def __init__(self, metrics: RequestMetrics, environ: Environ, start_response: StartResponse) -> None:
        self._metrics = metrics
        self._environ = environ
        self._start_response = start_response
        self._started = perf_counter()
        self._is_counted = False
        self._observe: Observe | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Count the request, once, and start its response."""
        self._count(int(status[:3]))
        return self._start_response(status, headers, *([exc_info] if exc_info else []))

    def watched(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body, which is complete already or calls `complete` when it is."""
        wrapper = self._environ.get("wsgi.file_wrapper")
        is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
        if is_file or isinstance(body, list | tuple):  # servers treat these better than an iterator
            self.complete()
            return body
        return _Body(body, self)

    def complete(self) -> None:
        """Time the request, once."""
        if self._observe is not None:
            self._observe(perf_counter() - self._started)
            self._observe = None

    def failed(self) -> None:
        """Count a request whose response has not started as 500."""
        if not self._is_counted:
            self._count(500)
            self.complete()

    def _count(self, status: int) -> None:
        if not self._is_counted:
            self._is_counted = True
            self._observe = self._metrics.count(self._environ["REQUEST_METHOD"], url_rule(self._environ), status)


class _Body:
    """A body that comes piece by piece; the server closes it at its end or when the client has gone."""

    def __init__(self, body: Iterable[bytes], response: _Response) -> None:
        self._body = body
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            self._response.failed()
            raise

    def close(self) -> None:
        """Close the app's body."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._response.complete()


class MetricsApp:
    """A WSGI app that returns the metrics of a registry in the format that the client asks for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send the page."""
        body, content_type = render(self._registry, environ.get("HTTP_ACCEPT", ""))
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]


class WithPage:
    """An app with one more page, at `path`, for apps that have no routes of their own to add it to."""

    def __init__(self, app: WSGIApp, path: str, page: WSGIApp) -> None:
        self.app = app
        self._path = path
        self._page = page

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send the page or run the app."""
        is_page = environ.get("PATH_INFO") == self._path
        return (self._page if is_page else self.app)(environ, start_response)


def add_to_flask(app: Any, metrics: RequestMetrics | None, path: str, page: MetricsApp) -> None:
    """Add the page to a Flask app that has not started, and the middleware around it."""
    app.add_url_rule(path, "sadpath_metrics", lambda: page)
    if metrics:
        app.wsgi_app = RequestMiddleware(app.wsgi_app, metrics)


def url_rule(environ: Environ) -> str:
    """Return the rule of the Flask route that a request was sent to: `/users/<user_id>`; one value where it is unknown.

    Only after routing: Werkzeug puts the request into the environ, and Flask the rule into the request.
    """
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return getattr(rule, "rule", None) or UNKNOWN_PATH
