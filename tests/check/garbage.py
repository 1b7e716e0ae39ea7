"""A service that has switched the collector off, and whose requests leave a circle; COLLECTS names who collects it."""

import gc
import os
import threading
import time

from fastapi import FastAPI, HTTPException

gc.disable()
COLLECTS = os.environ.get("COLLECTS", "nobody")

app = FastAPI()


def collect() -> None:
    """Collect every now and then."""
    while True:
        time.sleep(0.5)
        gc.collect()


if COLLECTS == "a thread":
    threading.Thread(target=collect, daemon=True).start()


@app.get("/things/{number}")
def thing(number: int) -> None:
    """Leave a list that holds itself and 2,000 bytes."""
    if COLLECTS == "a request" and gc.get_count()[0] > 600:
        gc.collect(0)
    circle: list[object] = [bytes(2000), number]
    circle.append(circle)
    raise HTTPException(404)


@app.get("/clean")
def clean() -> None:
    """Leave nothing."""
    raise HTTPException(404)
