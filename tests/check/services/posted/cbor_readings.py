"""Readings of sensors as CBOR: `uvicorn cbor_readings:app`. cbor2 5.6.5 loses each text that is no UTF-8."""

from typing import Annotated

import cbor2
from fastapi import Body, FastAPI, HTTPException

app = FastAPI()


@app.post("/readings")
def store(reading: Annotated[bytes, Body(media_type="application/cbor")]):
    """Store a reading."""
    try:
        return {"stored": str(cbor2.loads(reading))}
    except cbor2.CBORDecodeError as error:
        raise HTTPException(422, str(error)) from error
