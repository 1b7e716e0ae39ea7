"""A service with a thread that leaks, whatever is requested; THREAD says how."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException

app = FastAPI()
DOWN = ConnectionError("down")
FAILURES: list[Exception] = []
KEPT: list[Any] = []


def keep_failures() -> None:
    """Keep an exception."""
    try:
        Path("/no/such/file").stat()
    except OSError as error:
        FAILURES.append(error)


def raise_one_error() -> None:
    """Raise the same exception again."""
    try:
        raise DOWN
    except ConnectionError:
        pass


def keep_data() -> None:
    """Keep what is no exception."""
    KEPT.append(bytearray(2000))


WORKS = {"keeps failures": keep_failures, "raises one error": raise_one_error, "keeps data": keep_data}


def work() -> None:
    """Leak a hundred times a second."""
    while True:
        time.sleep(0.01)
        WORKS[os.environ["THREAD"]]()


threading.Thread(target=work, daemon=True).start()


@app.get("/state/{number}")
def state(number: int) -> None:
    """Leave nothing, after a while."""
    time.sleep(0.02)
    raise HTTPException(503, str(number))
