"""A generated service with 200 error paths of its own, of which five leak for three causes.

It has a heap of a million objects, and a thread that allocates and frees all the time, as what teams run has. The paths
that leak have `leaks` in their names: three raise one object of `shop.auth` again, one keeps its exceptions in a list,
and one fills a dictionary with what it was sent. `LARGE_API_OBJECTS` is the size of the heap.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import count

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PATHS = 200
LEAKING = (17, 61, 99, 142, 180)
OBJECTS = int(os.environ.get("LARGE_API_OBJECTS", "1000000"))
MOST_ALLOCATED, EVERY_S = 5, 0.02


class RefusedError(Exception):
    """What the service answers with its status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def refused(status: int, detail: str) -> RefusedError:
    """Return a new one."""
    return RefusedError(status, detail)


NO_TOKEN = RefusedError(401, "A token is needed.")
FAILURES: list[RefusedError] = []
QUOTES: dict[str, str] = {}


def _reused(_: Request) -> JSONResponse:
    try:
        raise NO_TOKEN
    except RefusedError as error:
        return _answer(error)


def _kept(_: Request) -> JSONResponse:
    try:
        raise refused(409, "This is sold out.")
    except RefusedError as error:
        FAILURES.append(error)
        return _answer(error)


def _filled(request: Request) -> JSONResponse:
    item = request.path_params["item"]
    QUOTES[item] = f"no quote for {item}" + "." * 400
    return _answer(RefusedError(404, "There is no such quote."))


def _flat(_: Request) -> JSONResponse:
    try:
        raise refused(404, "There is no such thing.")
    except RefusedError as error:
        return _answer(error)


def _answer(error: RefusedError) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, error.status)


KINDS: tuple[Callable[[Request], JSONResponse], ...] = (_reused, _reused, _reused, _kept, _filled)

ENDPOINT = """
async def endpoint_{number}(request):
    return {answers}(request)
"""
"""Each path has a function of its own, as an operation of a real service has."""


def _routes() -> list[Route]:
    leaking = dict(zip(LEAKING, KINDS, strict=True))
    routes = [Route("/openapi.json", _description)]
    for number in range(PATHS):
        name = "leaks" if number in leaking else "things"
        answers = leaking.get(number, _flat).__name__
        exec(ENDPOINT.format(number=number, answers=answers), globals())  # noqa: S102 - it is what we have just written
        routes.append(Route(f"/{name}/{number}/{{item}}", globals()[f"endpoint_{number}"]))
    return routes


async def _description(_: Request) -> JSONResponse:
    item = {"name": "item", "in": "path", "required": True, "schema": {"type": "string"}}
    operation = {"parameters": [item], "responses": {"404": {"description": "There is no such thing."}}}
    paths = {route.path: {"get": operation} for route in app.routes if isinstance(route, Route) and "{" in route.path}
    return JSONResponse({"openapi": "3.1.0", "info": {"title": "large", "version": "1"}, "paths": paths})


def _allocate() -> None:
    """Make and drop up to a KiB of objects, of varying number, without end."""
    for turn in count():
        kept = [{"turn": turn, "part": part} for part in range(turn % MOST_ALLOCATED)]  # noqa: F841 - until the next
        time.sleep(EVERY_S)


HEAP = [[number] for number in range(OBJECTS)]
threading.Thread(target=_allocate, daemon=True).start()
app = Starlette(routes=_routes())
