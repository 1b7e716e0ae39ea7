"""Request metrics of Starlette, FastAPI and plain ASGI apps."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from sadpath.export.asgi import (
    FramelessMiddleware,
    Receive,
    RequestMiddleware,
    Scope,
    Send,
    route_template,
    wrap_starlette,
)
from sadpath.export.request_metrics import RequestMetrics
from tests.counting import counted


class Router:
    """A router of another framework."""

    def __init__(self, routes: list[object]) -> None:
        self.routes = routes


async def ok(_: Request) -> Response:
    return PlainTextResponse("ok")


async def item(item_id: str) -> str:
    return item_id


async def broken(_: Request) -> Response:
    raise LookupError


async def echo(session: WebSocket) -> None:
    await session.accept()
    await session.send_text(await session.receive_text())
    await session.close()


def shop() -> FastAPI:
    """An app whose routes have prefixes of every kind."""
    items = APIRouter(prefix="/items")
    items.add_api_route("/{item_id}", item)
    stock = APIRouter(prefix="/stock")
    stock.include_router(items)
    back_office = FastAPI()
    back_office.include_router(stock, prefix="/api")
    app = FastAPI()
    app.include_router(stock, prefix="/v1")
    app.include_router(stock, prefix="/v2")
    app.add_route("/plain/{number}", ok)
    app.mount("/tenants/{tenant}", Starlette(routes=[Route("/users/{user_id}", ok), Mount("/raw", raw)]))
    app.mount("/office", back_office)
    return app


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one path, and fail on another."""
    await receive()
    if scope["path"].endswith("/broken"):
        raise LookupError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"raw"})


def starlette(*routes: BaseRoute) -> tuple[Starlette, CollectorRegistry]:
    """Return a counted app, and where it counts."""
    app, registry = Starlette(routes=routes), CollectorRegistry()
    wrap_starlette(app, RequestMetrics(registry))
    return app, registry


def client(app: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def test_the_handler_is_the_path_as_the_route_has_it() -> None:
    """Parameters stay names, so a thousand users are one series; a wrong method is the route's too."""
    app, registry = starlette(Route("/users/{user_id}", ok))
    for path in ("/users/1", "/users/2"):
        client(app).get(path)
    client(app).post("/users/1")
    assert counted(registry) == {("GET", "/users/{user_id}", "200"): 2, ("POST", "/users/{user_id}", "405"): 1}


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/stock/items/1", "/v1/stock/items/{item_id}"),
        ("/v2/stock/items/1", "/v2/stock/items/{item_id}"),
        ("/plain/1", "/plain/{number}"),
        ("/tenants/7/users/1", "/tenants/{tenant}/users/{user_id}"),
        ("/tenants/7/raw/anything", "/tenants/{tenant}/raw"),
        ("/office/api/stock/items/1", "/office/api/stock/items/{item_id}"),
        ("/docs", "/docs"),
    ],
)
def test_the_handler_has_the_prefixes_of_routers_and_mounts(path: str, template: str) -> None:
    """One router that is included twice has two handlers; a parameter of a mount stays a name."""
    app, registry = shop(), CollectorRegistry()
    wrap_starlette(app, RequestMetrics(registry))
    client(app).get(path)
    assert counted(registry) == {("GET", template, "200"): 1}


def test_a_root_path_of_the_server_is_no_part_of_the_handler() -> None:
    """A proxy that strips a prefix names it to the server, which passes it on."""
    app, registry = shop(), CollectorRegistry()
    wrap_starlette(app, RequestMetrics(registry))
    behind = TestClient(app, root_path="/shop")
    for path in ("/shop/plain/1", "/shop/tenants/7/users/1", "/shop/healthz"):
        behind.get(path)
    assert [handler for _, handler, _ in counted(registry)] == ["/plain/{number}", "/tenants/{tenant}/users/{user_id}"]


def test_the_handler_is_found_where_the_router_does_not_name_its_route() -> None:
    """Older releases of Starlette write only the endpoint into the scope, and other frameworks have other routers."""
    app = Starlette(routes=[Mount("/inner", routes=[Route("/users/{user_id}", ok)])])
    scope = {"type": "http", "method": "GET", "path": "/inner/users/1", "root_path": "", "headers": [], "endpoint": ok}
    assert route_template({**scope, "router": app.router}) == "/inner/users/{user_id}"
    assert route_template({**scope, "router": Router([object()])}) == "none"
    assert route_template(scope) == "none"


def test_all_paths_without_a_route_are_one_handler() -> None:
    """A stranger who tries paths adds no series, within a mount neither, nor by a path that is redirected."""
    app, registry = starlette(Mount("/inner", routes=[Route("/users/", ok)]))
    for path in ("/a", "/b", "/inner/a", "/inner/b"):
        client(app).get(path)
    assert client(app).get("/inner/users").is_redirect
    assert counted(registry) == {("GET", "none", "404"): 4, ("GET", "none", "307"): 1}


def test_all_unknown_methods_are_one_method() -> None:
    """A method is any word, and the client chooses it."""
    app, registry = starlette(Route("/", ok))
    for method in ("BREW", "WHEN", "get"):
        client(app).request(method, "/")
    assert sum(counted(registry).values()) == 3
    assert {method for method, _, _ in counted(registry)} <= {"GET", "other"}


def test_scrapes_and_health_checks_are_not_counted_even_without_routes() -> None:
    """They are no part of the load."""
    registry = CollectorRegistry()
    app = RequestMiddleware(raw, RequestMetrics(registry))
    for path in ("/metrics", "/healthz", "/anything"):
        client(app).get(path)
    assert counted(registry) == {("GET", "none", "200"): 1}


def test_an_unhandled_error_of_starlette_is_a_500() -> None:
    """Starlette's own outermost middleware sends it, within ours."""
    app, registry = starlette(Route("/broken", broken))
    assert client(app).get("/broken").status_code == 500
    assert counted(registry) == {("GET", "/broken", "500"): 1}
    assert counted(registry, "http_request_duration_seconds_count") == {("GET", "/broken", "500"): 1}


def test_an_error_that_leaves_a_plain_app_is_a_500() -> None:
    """The server sends it, where we do not see it."""
    registry = CollectorRegistry()
    app = RequestMiddleware(raw, RequestMetrics(registry))
    assert client(app).get("/broken").status_code == 500
    assert counted(registry) == {("GET", "none", "500"): 1}
    assert counted(registry, "http_request_duration_seconds_count") == {("GET", "none", "500"): 1}


def test_a_stream_is_counted_once_and_timed_when_it_is_complete() -> None:
    """A stream that is cut short is counted by the status that it began with."""

    async def pieces(*, fail: bool) -> Any:
        yield b"one"
        if fail:
            raise LookupError
        yield b"two"

    async def stream(request: Request) -> Response:
        return StreamingResponse(pieces(fail="fail" in request.query_params))

    app, registry = starlette(Route("/stream", stream))
    client(app).get("/stream")
    client(app).get("/stream?fail=1")
    assert counted(registry) == {("GET", "/stream", "200"): 2}
    assert counted(registry, "http_request_duration_seconds_count") == {("GET", "/stream", "200"): 1}


def test_an_accepted_websocket_is_one_request_with_status_101() -> None:
    """By the template of its route; it has no duration."""
    app, registry = starlette(WebSocketRoute("/rooms/{room}", echo))
    with client(app).websocket_connect("/rooms/1") as session:
        session.send_text("hello")
        assert session.receive_text() == "hello"
    assert counted(registry) == {("GET", "/rooms/{room}", "101"): 1}
    assert counted(registry, "http_request_duration_seconds_count") == {}


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_no_frame_of_the_middleware_is_in_a_traceback(kind: str) -> None:
    """An exception that is reused would keep it for ever."""

    async def failing(*_: object) -> None:
        raise LookupError

    app = FramelessMiddleware(failing, RequestMetrics(CollectorRegistry()))
    with pytest.raises(LookupError) as raised:
        asyncio.run(called(app, {"type": kind, "method": "GET", "path": "/"}))
    assert "sadpath.export.asgi" not in {entry.frame.f_globals["__name__"] for entry in raised.traceback}


async def called(app: Callable[..., Awaitable[None]], scope: Scope) -> None:
    await app(scope, nothing, nothing)


async def nothing(*_: object) -> Any:
    return {}


def test_an_app_that_has_started_can_be_wrapped_too() -> None:
    """In a lifespan or a shell, Starlette has built its stack."""
    app, registry = Starlette(routes=[Route("/", ok)]), CollectorRegistry()
    client(app).get("/")
    wrap_starlette(app, RequestMetrics(registry))
    client(app).get("/")
    assert counted(registry) == {("GET", "/", "200"): 1}


def test_it_can_be_added_as_any_middleware_of_starlette() -> None:
    """Then it counts all but what fails outside it."""
    registry = CollectorRegistry()
    app = Starlette(routes=[Route("/users/{user_id}", ok)])
    app.add_middleware(cast("Any", RequestMiddleware), metrics=RequestMetrics(registry))
    client(app).get("/users/1")
    assert counted(registry) == {("GET", "/users/{user_id}", "200"): 1}


def test_metrics_that_are_there_already_are_left_as_they_are() -> None:
    """Two middlewares that count into one registry are a mistake, which has no effect."""
    registry = CollectorRegistry()
    first = RequestMetrics(registry)
    with pytest.raises(ValueError, match="http_requests"):
        RequestMetrics(registry)
    first.remove()
    RequestMetrics(registry).remove()
    assert not list(registry.collect())


def test_the_protocol_of_a_lifespan_passes() -> None:
    """The app starts and stops as without us."""
    seen: list[str] = []

    async def app(scope: Scope, *_: object) -> None:
        seen.append(scope["type"])

    middleware = RequestMiddleware(app, RequestMetrics(CollectorRegistry()))
    asyncio.run(called(middleware, {"type": "lifespan"}))
    assert seen == ["lifespan"]
