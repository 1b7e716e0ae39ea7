"""A service with one error path of each kind, for the tests of `sadpath check`. Which of them leak, their names say."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
import time
from collections import deque
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

app = FastAPI()


class ShopError(Exception):
    """What the shop refuses."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Errors:
    """Errors that were constructed once."""

    sold_out = ShopError(409, "This is sold out.")


FAILED: dict[str, ShopError] = {"payment": ShopError(402, "The payment failed.")}
SEEN: dict[str, dict[str, str]] = {}
LAST_ERRORS: list[Exception] = []
NEWEST_ERRORS: deque[Exception] = deque(maxlen=100)
KEPT_DATA: list[bytearray] = []
RECEIVED: list[str] = []


@app.exception_handler(KeyError)
async def unknown(_: Request, error: KeyError) -> JSONResponse:
    return JSONResponse({"unknown": str(error)}, 404)


def answer(error: ShopError) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, error.status)


@app.get("/leaks/reused/{item}")
async def leaks_reused(item: int) -> JSONResponse:  # noqa: ARG001 - a path that takes an id
    try:
        raise Errors.sold_out
    except ShopError as error:
        return answer(error)


@app.get("/leaks/dictionary")
async def leaks_dictionary() -> JSONResponse:
    try:
        raise FAILED["payment"]
    except ShopError as error:
        return answer(error)


def guard(error: ShopError) -> Any:
    def refuse() -> None:
        raise error

    return refuse


refuse_all = guard(ShopError(403, "Nobody may do this."))


@app.get("/leaks/closure")
async def leaks_closure() -> JSONResponse:
    try:
        refuse_all()
    except ShopError as error:
        return answer(error)
    return JSONResponse({})


@app.get("/leaks/kept")
async def leaks_kept() -> JSONResponse:
    try:
        raise ShopError(500, "It failed.")
    except ShopError as error:
        LAST_ERRORS.append(error)
        return answer(error)


@app.get("/leaks/seen/{name}")
async def leaks_seen(name: str) -> JSONResponse:
    SEEN.setdefault(name, {"name": name * 20})
    return JSONResponse({}, 404)


@functools.cache
def looked_up(name: str) -> list[str]:
    return [name] * 50


@app.get("/leaks/cached/{name}")
async def leaks_cached(name: str) -> JSONResponse:
    looked_up(name)
    return JSONResponse({}, 404)


@app.get("/leaks/data")
async def leaks_data() -> JSONResponse:
    KEPT_DATA.append(bytearray(2000))
    return JSONResponse({}, 503)


@app.get("/flat/fresh")
async def flat_fresh() -> JSONResponse:
    try:
        raise ShopError(409, "This is sold out.")
    except ShopError as error:
        return answer(error)


@app.get("/flat/http-exception/{item}")
async def flat_http_exception(item: int) -> None:
    raise HTTPException(404, f"There is no item {item}.")


@app.get("/flat/bounded")
async def flat_bounded() -> JSONResponse:
    try:
        raise ShopError(500, "It failed.")
    except ShopError as error:
        NEWEST_ERRORS.append(error)
        return answer(error)


@app.get("/flat/detached")
async def flat_detached() -> JSONResponse:
    try:
        raise Errors.sold_out.with_traceback(None)
    except ShopError as error:
        return answer(error)


@app.get("/flat/cycle")
async def flat_cycle() -> JSONResponse:
    kept = None
    try:
        raise ShopError(409, "It is part of a circle.")
    except ShopError as error:
        kept = error
    return answer(kept)


@app.get("/flat/lazy")
async def flat_lazy() -> JSONResponse:
    import decimal  # noqa: PLC0415 - at the first error

    return JSONResponse({"is": str(decimal.Decimal(1))}, 404)


@functools.lru_cache(maxsize=500)
def bounded(name: str) -> list[str]:
    return [name] * 50


@app.get("/flat/cache/{name}")
async def flat_cache(name: str) -> JSONResponse:
    bounded(name)
    return JSONResponse({}, 404)


class Order(BaseModel):
    """What can be ordered."""

    item: int


@app.post("/orders")
async def order(body: Order, request: Request) -> JSONResponse:
    RECEIVED.append(request.headers.get("user-agent", ""))
    return JSONResponse({"item": body.item}, 201)


@app.get("/received")
async def received() -> JSONResponse:
    return JSONResponse({"orders": len(RECEIVED)})


@app.get("/private")
async def private(authorization: Annotated[str, Header()] = "") -> JSONResponse:
    if not authorization:
        raise HTTPException(401)
    if authorization != "Bearer right":
        raise HTTPException(403)
    return JSONResponse({})


if os.environ.get("SHOP_HAS") == "shutdown":

    @app.get("/shutdown")
    async def shutdown() -> JSONResponse:
        asyncio.get_running_loop().call_later(0.05, os._exit, 7)
        return JSONResponse({}, 503)


if os.environ.get("SHOP_HAS") == "background":

    def keep_growing() -> None:
        """Keep a little more each millisecond, whatever is requested."""
        while True:
            KEPT_DATA.append(bytearray(20_000))
            time.sleep(0.001)

    threading.Thread(target=keep_growing, daemon=True).start()


logging.getLogger("shop").addHandler(logging.NullHandler())
