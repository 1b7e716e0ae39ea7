"""The one call that sets a service up."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from flask import Flask
from prometheus_client import REGISTRY, CollectorRegistry, ProcessCollector
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import sadpath
from sadpath.export.install import MAX_FOLLOWED, Installed, named_errors
from tests.counting import counted


class OutOfStockError(Exception):
    """An error that a careless service keeps and raises again."""


class Errors:
    """What a service would hold, and what is no exception object."""

    out_of_stock = OutOfStockError("out of stock")
    same = out_of_stock
    pool = [OutOfStockError(), "no error", OutOfStockError()]  # noqa: RUF012 - as a service has it
    kind = OutOfStockError
    limit = 3

    @property
    def never(self) -> Exception:
        """Must not be evaluated."""
        raise AssertionError


def raising(*_: Any, **__: Any) -> Any:
    try:
        raise Errors.out_of_stock
    except OutOfStockError:
        return PlainTextResponse("out of stock", 409)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What has to be removed after the test; the reused error gives back what it retained."""
    with ExitStack() as ends:
        ends.callback(setattr, Errors.out_of_stock, "__traceback__", None)
        yield ends


def installed(ends: ExitStack, app: Any, errors: object = Errors, **options: Any) -> Installed:
    done = sadpath.install(app, errors=errors, **{"registry": CollectorRegistry(), **options})
    ends.callback(done.remove)
    return done


def figures(page: str) -> dict[str, float]:
    """Return the figures of a page by the name that they have there."""
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    return {name: float(figure) for name, figure in lines}


def test_one_call_sets_a_starlette_app_up(ends: ExitStack) -> None:
    """Requests by route, what each error retains, pauses and memory are on the page, before a mount that takes all."""
    app = Starlette(routes=[Route("/stock/{item}", raising), Mount("/", routes=[])])
    assert installed(ends, app).app is app
    client = TestClient(app)
    for _ in range(3):
        client.get("/stock/1")
    page = figures(client.get("/metrics").text)
    assert page['sadpath_traceback_entries{error="out_of_stock"}'] == 3
    assert page['sadpath_traceback_entries{error="pool.2"}'] == 0
    assert page['http_requests_total{handler="/stock/{item}",method="GET",status="409"}'] == 3
    assert page["sadpath_anonymous_memory_bytes"] > 0
    assert any(name.startswith("sadpath_gc_pause_seconds_bucket") for name in page)


def test_one_call_sets_a_fastapi_app_up(ends: ExitStack) -> None:
    """With an included router and a mounted app; the page is no part of the API's description."""
    router = APIRouter(prefix="/stock")
    router.add_api_route("/{item}", raising, response_model=None)
    inner = FastAPI()
    inner.include_router(router, prefix="/v1")
    app = FastAPI()
    app.include_router(router, prefix="/v2")
    app.mount("/office", inner)
    registry = installed(ends, app).registry
    client = TestClient(app)
    for path in ("/v2/stock/1?_=1&__=1", "/office/v1/stock/1?_=1&__=1", "/metrics"):
        client.get(path)
    assert {handler for _, handler, _ in counted(registry)} == {"/v2/stock/{item}", "/office/v1/stock/{item}"}
    assert "/metrics" not in app.openapi()["paths"]


def test_one_call_wraps_any_asgi_app(ends: ExitStack) -> None:
    """It cannot be changed, so what is returned is served."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("raw", 404)(scope, receive, send)

    client = TestClient(installed(ends, app).app)
    assert client.get("/anything").text == "raw"
    page = figures(client.get("/metrics").text)
    assert page['http_requests_total{handler="none",method="GET",status="404"}'] == 1
    assert page['sadpath_traceback_entries{error="out_of_stock"}'] == 0


def test_one_call_sets_a_flask_app_up(ends: ExitStack) -> None:
    """The page is a route as others, so what the app does before each request is done for it too."""
    app = Flask("shop")

    def stock(item: str) -> tuple[str, int]:
        return raising(item).body.decode(), 409

    app.add_url_rule("/stock/<item>", "stock", stock)
    assert installed(ends, app).app is app
    client = app.test_client()
    client.get("/stock/1")
    response = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert response.content_type.startswith("application/openmetrics-text")
    page = figures(client.get("/metrics").text)
    assert page['http_requests_total{handler="/stock/<item>",method="GET",status="409"}'] == 1
    assert page['sadpath_traceback_entries{error="out_of_stock"}'] == 1


def test_one_call_wraps_any_wsgi_app(ends: ExitStack) -> None:
    """It is told from ASGI by the number of its arguments."""

    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"raw"]

    served, started = installed(ends, app).app, []
    for path in ("/", "/metrics"):
        environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
        body = served(environ, lambda status, headers: started.append((status, dict(headers))))
    assert figures(b"".join(body).decode())['http_requests_total{handler="none",method="GET",status="200"}'] == 1
    assert started[-1][1]["Content-Type"].startswith("text/plain")


def test_without_a_registry_the_page_has_the_standard_metrics_too(ends: ExitStack) -> None:
    """The memory of the process is among them, so `sadpath watch` needs no more; `remove` leaves only these."""
    before = set(REGISTRY._collector_to_names)  # noqa: SLF001 - it has no public list
    app = Starlette()
    done = installed(ends, app, registry=None)
    page = TestClient(app).get("/metrics").text
    assert "sadpath_live_exceptions" in page
    assert "python_info" in page
    done.remove()
    assert set(REGISTRY._collector_to_names) == before  # noqa: SLF001


def test_metrics_of_these_names_are_a_mistake_without_effect(ends: ExitStack) -> None:
    """The message says how to keep them: then the census comes beside them."""
    registry = CollectorRegistry()
    installed(ends, Starlette(), registry=registry)
    before = dict(registry._collector_to_names)  # noqa: SLF001
    app = Starlette()
    with pytest.raises(ValueError, match="count_requests=False"):
        sadpath.install(app, Errors, registry=registry)
    assert registry._collector_to_names == before  # noqa: SLF001
    assert not app.routes


def test_what_counts_requests_already_may_stay(ends: ExitStack) -> None:
    """Then only the page, the census, the pauses and the memory are added."""
    app = Starlette(routes=[Route("/", raising)])
    registry = installed(ends, app, count_requests=False).registry
    client = TestClient(app)
    client.get("/")
    assert counted(registry) == {}
    assert 'sadpath_traceback_entries{error="out_of_stock"} 1.0' in client.get("/metrics").text


def test_the_page_may_have_another_address(ends: ExitStack) -> None:
    """It is not counted there either."""
    app = Starlette()
    registry = installed(ends, app, path="/internal/metrics").registry
    ProcessCollector(registry=registry)
    client = TestClient(app)
    assert "sadpath_live_exceptions" in client.get("/internal/metrics").text
    assert client.get("/metrics").status_code == 404
    assert counted(registry) == {}


@pytest.mark.parametrize("app", [None, "app", lambda: None, object()])
def test_what_is_no_app_is_refused(app: object) -> None:
    """With the kinds of app that there are."""
    with pytest.raises(TypeError, match="FastAPI, Starlette or Flask"):
        sadpath.install(app, Errors, registry=CollectorRegistry())


def test_a_class_has_its_attributes_names() -> None:
    """Those of its base classes too; one object has one name; a list in it adds the index."""

    class More(Errors):
        closed = OutOfStockError()

    assert named_errors(More) == {
        "closed": More.closed,
        "out_of_stock": Errors.out_of_stock,
        "pool.0": Errors.pool[0],
        "pool.2": Errors.pool[2],
    }


def test_an_object_a_module_a_mapping_and_a_list_hold_errors_too() -> None:
    """Each by the names that it has for them; a mapping is read again each time."""
    error = OutOfStockError()
    module = ModuleType("errors")
    vars(module).update(closed=error, number=1)
    assert named_errors(module) == {"closed": error}
    assert named_errors([error]) == {"errors.0": error}
    assert named_errors(Errors())["out_of_stock"] is Errors.out_of_stock
    mapping: dict[object, object] = {404: error, "other": None}
    assert named_errors(mapping) == {"404": error}
    mapping["second"] = OutOfStockError()
    assert set(named_errors(mapping)) == {"404", "second"}


def test_a_cache_that_grows_does_not_add_series_without_end() -> None:
    """Each object is a series of three metrics."""
    cache = {number: OutOfStockError() for number in range(1_000)}
    assert len(named_errors(cache)) == MAX_FOLLOWED


def test_a_lazy_object_is_not_asked() -> None:
    """A proxy as Flask's `request` fails outside a request, and a module of errors may import it."""

    class Lazy:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError

    module = ModuleType("errors")
    vars(module).update(request=Lazy(), closed=OutOfStockError())
    assert list(named_errors(module)) == ["closed"]


@pytest.mark.parametrize("errors", ["errors", OutOfStockError()])
def test_what_cannot_hold_errors_is_refused(errors: object) -> None:
    """Most likely an object was meant that holds this one."""
    with pytest.raises(TypeError, match="class, module, mapping or list"):
        sadpath.install(Starlette(), errors, registry=CollectorRegistry())


def test_a_class_without_an_exception_object_is_refused() -> None:
    """Its functions may make new ones: then there is nothing to follow. An empty mapping may still fill."""
    with pytest.raises(ValueError, match="OutOfStockError holds no exception object"):
        sadpath.install(Starlette(), OutOfStockError, registry=CollectorRegistry())
    sadpath.install(Starlette(), {}, registry=CollectorRegistry()).remove()


def test_the_package_itself_needs_no_other() -> None:
    """`import sadpath` loads neither prometheus_client nor a framework."""
    code = "import sys, sadpath; print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    command = [sys.executable, "-c", code, "prometheus_client", "psutil", "starlette", "fastapi"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout == "[]\n"


def test_it_needs_no_framework() -> None:
    """A service in Flask has no Starlette, and the other way round."""
    code = "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:])); import sadpath.export.install"
    command = [sys.executable, "-c", code, "starlette", "fastapi", "flask", "werkzeug"]
    assert subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 0
