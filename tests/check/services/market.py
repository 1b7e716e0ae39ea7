"""A shop of twelve operations, as one writes it with FastAPI, and three leaks in it: each is said where it is."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Json = dict[str, Any]


class Refused(Exception):
    """What the shop refuses, and how it answers then."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Errors:
    """Errors that many raise."""

    wrong_token = Refused(401, "This token is not known.")


PRODUCTS: dict[int, Json] = {1: {"name": "tea", "price": 3.5}, 2: {"name": "cup", "price": 8.0}}
ORDERS: dict[int, Json] = {}
PASSWORDS = {"ann": "correct horse"}
TOKENS: dict[str, str] = {}
FAILED_LOGINS: dict[str, list[str]] = {}
PAYMENTS: list[asyncio.Task[None]] = []


class Answering:
    """Answers what is refused: a middleware of the shop's own, which clears no traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            await self._app(scope, receive, send)
        except Refused as error:
            await JSONResponse({"detail": error.detail}, error.status)(scope, receive, send)


app = FastAPI()
app.add_middleware(Answering)


def user(sent: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]) -> str:
    if sent is None:
        raise Refused(401, "Log in first.")
    if sent.credentials not in TOKENS:
        raise Errors.wrong_token  # leaks: each raise adds to the traceback of the one object
    return TOKENS[sent.credentials]


User = Annotated[str, Depends(user)]


class Login(BaseModel):
    """Who somebody says to be."""

    name: str = Field(min_length=1, max_length=100)
    password: str


class Product(BaseModel):
    """What is sold."""

    name: str = Field(max_length=100)
    price: float = Field(gt=0)


class Payment(BaseModel):
    """What is paid for an order."""

    order: int = Field(ge=1)
    amount: float = Field(gt=0)


def known(products_or_orders: dict[int, Json], number: int) -> Json:
    if number not in products_or_orders:
        raise Refused(404, f"There is no {number}.")
    return products_or_orders[number]


@app.get("/products")
async def products(page: int = 1) -> list[Json]:
    return list(PRODUCTS.values())[10 * (page - 1) : 10 * page]


@app.get("/products/{number}")
async def product(number: int) -> Json:
    return known(PRODUCTS, number)


@app.post("/products", status_code=201)
async def add_product(_: User, new: Product) -> Json:
    return new.model_dump()


@app.put("/products/{number}")
async def change_product(_: User, number: int, new: Product) -> Json:
    return known(PRODUCTS, number) | new.model_dump()


@app.delete("/products/{number}")
async def remove_product(_: User, number: int) -> Json:
    return known(PRODUCTS, number)


@app.get("/search")
async def search(q: Annotated[str, Field(min_length=2)]) -> list[Json]:
    return [one for one in PRODUCTS.values() if q in one["name"]]


@app.post("/login")
async def login(asked: Login) -> Json:
    if PASSWORDS.get(asked.name) != asked.password:
        FAILED_LOGINS.setdefault(asked.name, []).append("failed")  # leaks: a list for each name that anybody makes up
        del FAILED_LOGINS[asked.name][:-5]
        raise Refused(401, "The name or the password is wrong.")
    return {"token": asked.name}


@app.get("/me")
async def me(name: User) -> Json:
    return {"name": name}


@app.get("/orders")
async def orders(_: User) -> list[Json]:
    return list(ORDERS.values())


@app.get("/orders/{number}")
async def order(number: int) -> Json:
    return known(ORDERS, number)


async def charge(asked: Payment) -> None:
    known(ORDERS, asked.order)


@app.post("/payments")
async def pay(asked: Payment) -> Json:
    task = asyncio.create_task(charge(asked))
    PAYMENTS.append(task)  # leaks: a task keeps its exception, and nothing takes it out
    await asyncio.wait([task])
    if task.exception():
        raise Refused(402, "The payment was refused.")
    return {}


@app.get("/health")
async def health() -> Json:
    return {"products": len(PRODUCTS)}
