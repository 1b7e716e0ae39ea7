"""Two errors of one status, of which the second leaks: that of a wrong token, and that of an item that is unknown."""

from typing import Annotated

from fastapi import FastAPI, Header
from pydantic import BaseModel, field_validator
from starlette.responses import JSONResponse

app = FastAPI()
WRONG = PermissionError("Invalid token")
NO_ITEM = ValueError("there is no such item")


@app.get("/me")
def me(authorization: Annotated[str, Header()] = ""):
    if not authorization:
        return JSONResponse({"detail": "Not authenticated"}, 401)
    try:
        raise WRONG
    except PermissionError as error:
        return JSONResponse({"detail": str(error)}, 401)


class Order(BaseModel):
    """What can be ordered."""

    item: int

    @field_validator("item")
    @classmethod
    def is_known(cls, item: int) -> int:
        """Refuse all."""
        raise NO_ITEM


@app.post("/orders")
def order(order: Order):
    return {}
