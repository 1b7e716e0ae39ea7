"""Five ways in which a check once changed what nobody asked it to, and each change is a line of the file CHANGES."""

from __future__ import annotations

import os
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, HTTPException, Path, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()
TOKENS = {"good"}
ITEMS = set(range(1, 1000))


def changed(what: str) -> dict[str, str]:
    """Write down a change."""
    with File(os.environ["CHANGES"]).open("a") as file:
        file.write(f"{what}\n")
    return {}


def known(sent: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> None:
    if sent.credentials not in TOKENS:
        raise HTTPException(401)


@app.post("/flows/bulk_delete")
def optional_body(name: Annotated[str | None, Body(embed=True)] = None, limit: Annotated[int, Body()] = 50) -> object:
    return changed(f"optional body: {name} {limit}")


@app.delete("/storage")
def no_body() -> object:
    return changed("no body")


@app.post("/reset-token", dependencies=[Depends(known)])
def with_the_token() -> object:
    return changed("the user's token")


@app.delete("/items/{id}")
def an_id_that_is_known(id: Annotated[int, Path(ge=1, examples=[1])], dry: Annotated[bool, Query()] = False) -> object:  # noqa: A002, FBT002 - as it is described
    if id not in ITEMS:
        raise HTTPException(404)
    return changed(f"item {id}, {dry}")


@app.put("/items/{id}")
def an_id_beside_a_body(id: int, item: Annotated[dict[str, Any], Body()]) -> object:  # noqa: A002
    return changed(f"item {id}: {item}")


@app.get("/logout", dependencies=[Depends(known)])
def a_get_that_changes() -> object:
    TOKENS.clear()
    return changed("logged out")


@app.get("/things/{id}", dependencies=[Depends(known)])
def thing(id: int) -> object:  # noqa: A002
    raise HTTPException(404, str(id))
