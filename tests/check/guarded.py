"""A service behind a login of each kind, for the tests of `sadpath check`. Its environment says how many requests a
token and a session are good for, and for how many seconds.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.requests import Request

app = FastAPI()
PASSWORD = "s3same-open"  # noqa: S105 - of a test
GOOD_FOR = int(os.environ.get("GOOD_FOR", "0"))
USED: Counter[str] = Counter()
LOGINS: Counter[str] = Counter()
FORM = """<meta name="csrf-token" content="{csrf}"><form method="post">
<input type="hidden" name="csrf_token" value="{csrf}"><input name="user">
<input type="password" name="password"></form>"""


class Credentials(BaseModel):
    """Of a login in JSON."""

    username: str
    password: str


class NoSuchOrderError(Exception):
    """An order that the shop does not have."""


NO_SUCH_ORDER = NoSuchOrderError("no such order")


def user(request: Request, _: Annotated[object, Depends(HTTPBearer(auto_error=False))]) -> str:
    """Return who is logged in, by a token or a session that was not used up."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ") or request.cookies.get("session", "")
    USED[token] += 1
    if token not in LOGINS or (GOOD_FOR and USED[token] > GOOD_FOR):
        raise HTTPException(401, "log in first")
    return token


User = Annotated[str, Depends(user)]


def logged_in() -> str:
    token = f"t0ken-{secrets.token_urlsafe(24)}"
    LOGINS[token] += 1
    return token


@app.post("/auth/token")
async def token(credentials: Credentials) -> dict[str, object]:
    if credentials.password != PASSWORD:
        raise HTTPException(401, "wrong password")
    return {"token_type": "bearer", "data": {"token": logged_in()}, "access_token": logged_in()}


@app.get("/login", response_class=HTMLResponse)
async def page(response: Response) -> str:
    csrf = secrets.token_urlsafe()
    response.set_cookie("csrf", csrf)
    return FORM.format(csrf=csrf)


@app.post("/login")
async def login(request: Request) -> Response:
    fields = parse_qs((await request.body()).decode())
    csrf = request.cookies.get("csrf")
    if not csrf or fields.get("csrf_token") != [csrf]:
        raise HTTPException(403, "forged")
    if fields.get("password") != [PASSWORD]:
        return HTMLResponse(FORM.format(csrf=csrf))
    response = RedirectResponse("/orders", 302)
    response.set_cookie("session", logged_in())
    return response


@app.get("/orders")
async def orders(_: User) -> list[str]:
    return []


@app.get("/orders/{number}")
async def order(_: User, number: int) -> Response:  # noqa: ARG001 - a path that takes an id
    try:
        raise NO_SUCH_ORDER  # leaks
    except NoSuchOrderError as error:
        return Response(str(error), 404)


@app.get("/invoices/{number}")
async def invoice(_: User, number: int) -> Response:
    raise HTTPException(404, f"no invoice {number}")


@app.post("/invoices", status_code=201)
async def new_invoice(request: Request, _: User, x_csrftoken: Annotated[str, Header()] = "") -> Response:
    if x_csrftoken != request.cookies.get("csrf"):
        raise HTTPException(403, "forged")
    raise HTTPException(409, "no new invoices today")


@app.get("/logins")
async def logins() -> int:
    return LOGINS.total()
