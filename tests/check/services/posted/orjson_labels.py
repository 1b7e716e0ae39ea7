"""Labels as JSON: `uvicorn orjson_labels:app`. orjson 3.9.0 loses what its `default` raised."""

import orjson
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    """An item with labels."""

    name: str
    labels: list[str]


def refuse(value):
    """Say that there is no JSON for it, as `json` does."""
    raise TypeError(f"no JSON for a {type(value).__name__}")


@app.post("/items")
def store(item: Item):
    """Store an item, each label once."""
    try:
        return Response(orjson.dumps({"name": item.name, "labels": set(item.labels)}, default=refuse))
    except orjson.JSONEncodeError as error:
        raise HTTPException(409, "cannot be stored") from error
