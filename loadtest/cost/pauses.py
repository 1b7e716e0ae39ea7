"""Runs a module as `python -m` does, and writes a line for each collection that paused it for a millisecond or more.

    python -m loadtest.cost.pauses reused.pauses -m uvicorn service.app:app --port 8000

Two clock readings a collection are all that it adds to what it runs.
"""

from __future__ import annotations

import gc
import os
import runpy
import sys
import time
from pathlib import Path

SHORTEST_S = 0.001
"""Collections below this are those of young objects. They cost both arms the same, and their number is large."""


def record(page: Path) -> None:
    """Write when each long collection began and its seconds, a line each, whole on disk when the collection ends."""
    file = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    began = 0.0

    def on_collection(phase: str, _: dict[str, int]) -> None:
        nonlocal began
        now = time.monotonic()
        if phase == "start":
            began = now
        elif now - began >= SHORTEST_S:
            os.write(file, f"{began:.6f} {now - began:.6f}\n".encode())

    gc.callbacks.append(on_collection)


def read_pauses(page: Path, since: float = 0.0) -> list[float]:
    """Return the seconds of the long collections that began after `since`, a reading of `time.monotonic`."""
    lines = [line.split() for line in page.read_text().splitlines()] if page.exists() else []
    return [float(seconds) for began, seconds in lines if float(began) >= since]


def main() -> None:
    """Record beside the module that the command line names after `FILE -m`."""
    record(Path(sys.argv[1]))
    module = sys.argv[3]
    sys.argv = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
