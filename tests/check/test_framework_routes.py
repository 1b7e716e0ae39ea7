"""The routes of each framework that teams use, released, as they are read in a running server."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from experiments.pythons import LAB, NEWEST
from loadtest.ports import free_port
from sadpath.check.routes import Routes
from sadpath.check.service.start import started
from tests.check.conftest import HERE
from tests.check.environments import environment
from tests.representatives import some
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

PACKAGES = [
    *("aiohttp", "bottle", "cherrypy", "django", "djangorestframework", "falcon", "fastapi", "flask", "litestar"),
    *("pyramid", "quart", "sanic", "tornado", "twisted", "uvicorn", "a2wsgi"),
]

EXPECTED = {
    "aiohttp": [
        "GET /users/{user} answer_later",
        "DELETE /users/{user} answer_later",
        "GET /orders Orders.get",
        "POST /orders Orders.post",
        "GET /v1/any/{name} answer_later",
    ],
    "bottle": [
        "GET /users/{user} answer",
        "DELETE /users/{user} answer",
        "GET /files/{name} answer",
        "POST /v1/orders/{order} answer",
        "GET /flask/other answer",
    ],
    "cherrypy": [
        "GET /shop/users/ Users.index",
        "GET /shop/users/show/{user} Users.show",
        "GET /shop/users/show/{user}/{page} Users.show",
        "GET /shop/users Users.default",
        "GET /shop/users/{rest} Users.default",
        "GET /shop/orders/{order} Orders.GET",
        "DELETE /shop/orders/{order} Orders.DELETE",
    ],
    "django": [
        "GET /top/{user}/ answer",
        "GET /shop/users/{user}/ answer",
        "GET /named/users/{user}/ answer",
        "GET /module/users/{user}/ answer",
        "POST /legacy/{user}/{arg} answer",
        "GET /old/json/{name} answer",
        "GET /orders/{order} Orders.get",
        "POST /orders/{order} Orders.post",
        "GET /basket/ answer",
        "GET /en/spoken/ answer",
    ],
    "falcon": [
        "DELETE /users/{user} ",
        "GET /users/{user} ",
        "POST /users/{user}/orders ",
    ],
    "fastapi": [
        "DELETE /orders/{order} answer",
        "GET /v1/users/{user} answer",
        "GET /old/legacy answer",
    ],
    "flask": [
        "DELETE /users/{user} Users.delete",
        "GET /users/{user} Users.get",
        "POST /v1/orders/{order} answer",
        "GET /below/inner answer",
    ],
    "litestar": [
        "GET /users/{user} user",
        "POST /v1/orders/{order} ",
        "GET /below/other answer_later",
    ],
    "pyramid": [
        "GET /users/{user} answer",
        "DELETE /users/{user} answer",
        "PUT /users/{user} answer",
        "POST /v1/files/{rest} answer",
    ],
    "quart": [
        "DELETE /users/{user} answer_later",
        "GET /users/{user} answer_later",
        "POST /v1/orders/{order} answer_later",
    ],
    "rest_framework": [
        "GET /api/users/ Users.list",
        "POST /api/users/ Users.create",
        "GET /api/users/{pk}/ Users.retrieve",
        "PUT /api/users/{pk}/block/ Users.block",
        "GET /api/ rest_framework.routers.APIRootView.get",
        "PATCH /one/ answer",
    ],
    "sanic": [
        "DELETE /users/{user} answer_later",
        "GET /users/{user} answer_later",
        "POST /v1/orders/{order} answer_later",
    ],
    "tornado": [
        "GET /local User.get",
        "DELETE /local User.delete",
        "GET /users/{arg} User.get",
        "DELETE /users/{arg} User.delete",
        "GET /shop/{shop}/orders Orders.get",
        "POST /shop/{shop}/orders Orders.post",
        "DELETE /shop/{shop}/orders Orders.delete",
    ],
    "twisted": [
        "GET /v1/users Users.render_GET",
        "POST /v1/users Users.render_POST",
        "GET /v1/orders/{child} Orders.getChild",
        "GET /flask/other answer",
    ],
}
"""What is read of each function of `services/routed.py`: method, template, and the end of the handler's name."""


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environments that are made."""
    return tmp_path_factory.mktemp("environments")


def routes_of(name: str, python: Path) -> Routes:
    """What the probe reads in a server, once that was asked for something."""
    command = [str(python), str(HERE / "services" / "routed.py"), name, str(free_port())]
    with started(command, within_s=PATIENCE_S) as target:
        with suppress(HTTPError):
            urlopen(f"{target.url}/nothing", timeout=PATIENCE_S).close()
        assert target.probes, target.why_no_probe
        return target.probes.routes()


@pytest.mark.parametrize("version", some(LAB, on_every_change=[LAB[0], NEWEST]))
@pytest.mark.parametrize("name", EXPECTED)
def test_a_framework_shows_the_routes_that_it_serves(name: str, version: str, environments: Path) -> None:
    """With the prefixes below which they are, the methods that they are for, and what handles them."""
    found = routes_of(name, environment(environments, version, *PACKAGES) / "python")
    own = [f"{one.method} {one.path} {_end_of(one.handler)}" for one in found.found if "/static/" not in one.path]
    assert own == EXPECTED[name]
    assert not found.notes


def _end_of(handler: str) -> str:
    """The part of a name behind the module that runs, and the function that made it."""
    return handler.rpartition("<locals>.")[2].removeprefix("__main__.")
