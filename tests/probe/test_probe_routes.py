"""The routes of the applications in a process, for a service that has no description."""

from typing import Any, List, Tuple

import pytest

from sadpath.probe.routes import routes

applications = pytest.importorskip("starlette.applications")
routing = pytest.importorskip("starlette.routing")


def found() -> List[Tuple[str, str]]:
    """Methods and templates."""
    return [(one["method"], one["path"]) for one in routes()["routes"]]


async def answer(request: Any) -> Any:
    """Is never called."""
    raise AssertionError(request)


def test_starlettes_routes_are_read_with_what_is_mounted() -> None:
    """Their converters are left out, and so is the HEAD that comes with each GET."""
    inner = [routing.Route("/deep/{name:path}", answer, methods=["POST"])]
    outer = [routing.Route("/users/{user_id:int}", answer), routing.Mount("/below", routes=inner)]
    app = applications.Starlette(routes=outer)
    assert found() == [("GET", "/users/{user_id}"), ("POST", "/below/deep/{name}")]
    assert app


def test_fastapis_routers_have_their_prefix() -> None:
    """Of `include_router`, and of apps that are mounted."""
    fastapi = pytest.importorskip("fastapi")
    app, router, mounted = fastapi.FastAPI(), fastapi.APIRouter(prefix="/orders"), fastapi.FastAPI()
    router.add_api_route("/{order}", answer, methods=["DELETE"])
    mounted.add_api_route("/inner", answer, methods=["GET"])
    app.include_router(router, prefix="/v1")
    app.mount("/sub", mounted)
    assert {("DELETE", "/v1/orders/{order}"), ("GET", "/sub/inner")} <= set(found())
    assert ("GET", "/inner") not in found()


def test_flasks_rules_are_read() -> None:
    """As templates, and those of blueprints too."""
    flask = pytest.importorskip("flask")
    app = flask.Flask(__name__)
    blue = flask.Blueprint("blue", __name__, url_prefix="/blue")
    blue.add_url_rule("/<path:name>", "name", lambda name: name, methods=["PUT"])
    app.add_url_rule("/users/<int:user_id>", "user", lambda user_id: user_id)
    app.register_blueprint(blue)
    assert {("GET", "/users/{user_id}"), ("PUT", "/blue/{name}")} <= set(found())


def test_an_application_that_is_none_is_left_out() -> None:
    """One whose attributes are not what we know."""

    class Starlette:
        """By another name than it seems."""

        router = None

    Starlette.__module__ = "starlette.applications"
    odd = Starlette()
    assert isinstance(found(), list)
    assert odd is not None
