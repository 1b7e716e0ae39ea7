"""What runs inside a measured process, so that the heap that is measured is a real service's, made by real requests.

    python -m experiments.compare.inside census 8001 -m uvicorn service.app:app --port 8000
    python -m experiments.compare.inside pauses reused.pauses -m uvicorn service.app:app --port 8000
    python -m experiments.compare.inside retain 1000000 8000

`census` answers each request to its port with what a look at the heap and a full collection took. `pauses` writes a
line for each collection that paused the process for a millisecond or more, at two clock readings a collection. Both
then run a module as `python -m` does. `retain` raises one object until its traceback has so many entries, and publishes
what a service with our exporter does.
"""
# ruff: noqa: PLC0415 - each process imports what it needs: what others import would be in its heap

from __future__ import annotations

import contextlib
import gc
import os
import runpy
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

SHORTEST_PAUSE_S = 0.001
"""Collections below this are those of young objects. They cost both arms the same, and their number is large."""

DEPTH = 5
"""Frames that each raise passes, so entries that it adds."""


def answer_with_census(port: int) -> None:
    """Answer each request to this port with `time_census()`, from a thread of its own."""
    import json
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = json.dumps(time_census()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    server = HTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def time_census() -> dict[str, float]:
    """Time a census, the naming of the object with the longest chain, and a collection, in seconds.

    `entries` are those of that chain. It is named as `sadpath check` names it: who holds it, where it was raised.

    Callbacks of the garbage collector are removed meanwhile, because they would be timed with it.
    """
    from sadpath.probe.explain import explain
    from sadpath.probe.heap import full_census

    callbacks, gc.callbacks[:] = gc.callbacks[:], []
    try:
        began = time.perf_counter()
        found = full_census()
        counted = time.perf_counter()
        explained = explain([one.exception_id for one in found.with_traceback[:1]])
        named = time.perf_counter()
        gc.collect()
        collected = time.perf_counter()
    finally:
        gc.callbacks[:] = callbacks
    return {
        "entries": max((one.entries for one in found.with_traceback), default=0),
        "named": any(one["held_by"] for one in explained),
        "census_s": counted - began,
        "naming_s": named - counted,
        "collect_s": collected - named,
    }


def record_pauses(page: Path) -> None:
    """Write when each long collection began and its seconds, a line each, whole on disk when the collection ends."""
    file = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    began = 0.0

    def on_collection(phase: str, _: dict[str, int]) -> None:
        nonlocal began
        now = time.monotonic()
        if phase == "start":
            began = now
        elif now - began >= SHORTEST_PAUSE_S:
            os.write(file, f"{began:.6f} {now - began:.6f}\n".encode())

    gc.callbacks.append(on_collection)


def read_pauses(page: Path, since: float = 0.0) -> list[float]:
    """Return the seconds of the long collections that began after `since`, a reading of `time.monotonic`."""
    lines = [line.split() for line in page.read_text().splitlines()] if page.exists() else []
    return [float(seconds) for began, seconds in lines if float(began) >= since]


class Reused(Exception):  # noqa: N818 - a stand-in for any error
    """The object that is raised again and again."""


def retain(entries: int, port: int) -> NoReturn:
    """Raise one object through a plain stack until its traceback has so many entries; then publish until killed."""
    import prometheus_client as client

    from sadpath.export import collectors
    from sadpath.probe.census import Census

    error = Reused()
    for _ in range(entries // DEPTH):
        with contextlib.suppress(Reused):
            _fall(error, DEPTH - 1)
    registry = client.CollectorRegistry()
    for collector in (client.ProcessCollector, client.PlatformCollector, client.GCCollector):
        collector(registry=registry)
    collectors.install(registry, Census(lambda: {"reused": error}))
    client.start_http_server(port, "127.0.0.1", registry)
    while True:
        time.sleep(3600)


def _fall(error: Reused, frames: int) -> None:
    if frames == 1:
        raise error
    _fall(error, frames - 1)


def main(words: Sequence[str]) -> None:
    """Do what the first word says."""
    what, where, *rest = words
    if what == "retain":
        retain(int(where), int(rest[0]))
    if what == "census":
        answer_with_census(int(where))
    else:
        record_pauses(Path(where))
    _, *sys.argv = rest
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
