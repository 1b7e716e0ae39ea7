"""A FastAPI app with a module-level HTTPException."""

from fastapi import FastAPI, HTTPException

NOT_FOUND = HTTPException(404, "no such item")
app = FastAPI()


@app.get("/items/{item}")
async def read_item(item: int):
    """Raise the constant."""
    raise NOT_FOUND
