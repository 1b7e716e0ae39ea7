"""Request metrics of Flask and plain WSGI apps."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry

from sadpath.export.request_metrics import RequestMetrics
from sadpath.export.wsgi import Environ, RequestMiddleware, StartResponse, WSGIApp
from tests.counting import counted

DURATIONS = "http_request_duration_seconds_count"


def app_with(body: Callable[[], Iterable[bytes]]) -> WSGIApp:
    """Return an app that answers everything with one body."""

    def app(_: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body()

    return app


def request(app: WSGIApp, path: str = "/", method: str = "GET", **environ: Any) -> tuple[str, bytes]:
    """Do what a server does with one request; return status and body."""
    started: list[str] = []
    environ.update(PATH_INFO=path, REQUEST_METHOD=method)
    setup_testing_defaults(environ)
    body = app(environ, lambda status, *_: started.append(status))
    try:
        return started[-1] if started else "", b"".join(body)
    finally:
        getattr(body, "close", bool)()


def wrapped(app: WSGIApp) -> tuple[WSGIApp, CollectorRegistry]:
    registry = CollectorRegistry()
    return RequestMiddleware(app, RequestMetrics(registry)), registry


def test_a_plain_app_has_one_handler() -> None:
    """It has no routes; an unknown method is no series of its own, and scrapes and health checks do not count."""
    app, registry = wrapped(app_with(lambda: [b"ok"]))
    for path, method in [("/a", "GET"), ("/b", "GET"), ("/", "BREW"), ("/metrics", "GET"), ("/healthz", "GET")]:
        assert request(app, path, method) == ("200 OK", b"ok")
    expected = {("GET", "none", "200"): 2, ("other", "none", "200"): 1}
    assert (counted(registry), counted(registry, DURATIONS)) == (expected, expected)


def test_the_handler_is_the_rule_of_flask() -> None:
    """Flask answers its errors within the middleware, so they count by their status."""
    flask = Flask("shop")
    flask.add_url_rule("/users/<user_id>", "user", lambda user_id: str(user_id))  # noqa: PLW0108 - Flask names it

    def broken() -> NoReturn:
        raise LookupError

    flask.add_url_rule("/broken", "broken", broken)
    flask.wsgi_app, registry = wrapped(flask.wsgi_app)  # type: ignore[assignment,method-assign]
    for path in ("/users/1", "/users/2", "/broken", "/nothing", "/nowhere"):
        flask.test_client().get(path)
    assert counted(registry) == {
        ("GET", "/users/<user_id>", "200"): 2,
        ("GET", "/broken", "500"): 1,
        ("GET", "none", "404"): 2,
    }


def test_an_error_that_leaves_the_app_is_a_500() -> None:
    """The server sends it."""

    def broken(*_: object) -> NoReturn:
        raise LookupError

    app, registry = wrapped(broken)
    with pytest.raises(LookupError):
        request(app)
    assert counted(registry) == counted(registry, DURATIONS) == {("GET", "none", "500"): 1}


def test_an_app_that_is_a_generator_starts_its_response_late() -> None:
    """It is counted when it does, and timed when the body is closed; one that fails before is a 500."""

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/broken":
            raise LookupError
        start_response("200 OK", [])
        yield b"one"
        yield b"two"

    counting, registry = wrapped(app)
    assert request(counting)[1] == b"onetwo"
    with pytest.raises(LookupError):
        request(counting, "/broken")
    assert counted(registry) == counted(registry, DURATIONS)
    assert counted(registry) == {("GET", "none", "200"): 1, ("GET", "none", "500"): 1}


def test_the_body_of_the_app_is_closed() -> None:
    """An app frees there what its response needs."""
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"ok"])

        def close(self) -> None:
            closed.append(True)

    app, _ = wrapped(app_with(Body))
    assert request(app)[1] == b"ok"
    assert closed == [True]


def test_a_list_and_a_file_stay_what_they_are() -> None:
    """Servers send a file by the kernel, and know the length of a list."""
    body = [b"ok"]
    file = FileWrapper(open(__file__, "rb"))  # noqa: SIM115, PTH123 - the server closes it
    for one in (body, file):
        app, registry = wrapped(app_with(lambda one=one: one))  # type: ignore[misc]
        environ: Environ = {"wsgi.file_wrapper": FileWrapper}
        setup_testing_defaults(environ)
        assert app(environ, lambda *_: None) is one
        assert counted(registry, DURATIONS) == {("GET", "none", "200"): 1}
    file.close()


def test_an_app_may_start_its_response_again_after_an_error() -> None:
    """The request stays one; the status that counts is the first."""

    def app(_: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("500 Error", [], (LookupError, LookupError(), None))
        return [b"error"]

    counting, registry = wrapped(app)
    assert request(counting) == ("500 Error", b"error")
    assert sum(counted(registry).values()) == 1
