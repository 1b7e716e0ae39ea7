"""Refuses each request, and keeps something for each value that it never saw of one input, which the path names."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

BY_ID: dict[str, bytearray] = {}
BY_VALUE: dict[str, bytearray] = {}
BY_HEADER: dict[str, bytearray] = {}
BY_COOKIE: dict[str, bytearray] = {}
BY_TOKEN: dict[str, bytearray] = {}
BY_ADDRESS: dict[str, bytearray] = {}
BY_TEXT: dict[str, bytearray] = {}
BY_NUMBER: dict[str, bytearray] = {}
BY_NAME: dict[str, bytearray] = {}
BY_FIELD: dict[str, bytearray] = {}
BY_BODY: dict[str, bytearray] = {}


def refused(kept: dict[str, bytearray], *values: object) -> JSONResponse:
    """Keep 1,000 bytes for each value, if it is new, and refuse."""
    for value in values:
        kept.setdefault(str(value), bytearray(1000))
    return JSONResponse({}, 401)


async def parameter(request: Request) -> JSONResponse:
    return refused(BY_ID, request.path_params["id"])


async def query(request: Request) -> JSONResponse:
    return refused(BY_VALUE, *request.query_params.getlist("q")[1:])


async def header(request: Request) -> JSONResponse:
    return refused(BY_HEADER, request.headers["if-none-match"])


async def cookie(request: Request) -> JSONResponse:
    return refused(BY_COOKIE, request.cookies["session"])


async def token(request: Request) -> JSONResponse:
    return refused(BY_TOKEN, request.headers["authorization"])


async def address(request: Request) -> JSONResponse:
    return refused(BY_ADDRESS, request.url)


async def text(request: Request) -> JSONResponse:
    content = await request.json()
    return refused(BY_TEXT, content["user"]["name"])


async def number(request: Request) -> JSONResponse:
    content = await request.json()
    return refused(BY_NUMBER, content[0]["id"])


async def name(request: Request) -> JSONResponse:
    return refused(BY_NAME, *await request.json())


async def field(request: Request) -> JSONResponse:
    return refused(BY_FIELD, dict(parse_qsl((await request.body()).decode()))["name"])


async def body(request: Request) -> JSONResponse:
    return refused(BY_BODY, await request.body())


async def none(request: Request) -> JSONResponse:
    return refused({}, request.url, await request.body())


POST: Any = ["POST"]
app = Starlette(
    routes=[
        Route("/parameter/{id}", parameter),
        *(Route(f"/{one.__name__}", one) for one in (query, header, cookie, token, address)),
        *(Route(f"/{one.__name__}", one, methods=POST) for one in (text, number, name, field, body, none)),
    ]
)
