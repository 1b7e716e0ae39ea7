"""A process with one exception object that was raised until its traceback had a number of entries, and its `/metrics`.

python -m loadtest.bench.retaining 1000000 8000
"""

from __future__ import annotations

import contextlib
import sys
import threading

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, start_http_server

from sadpath.export import collectors
from sadpath.probe.census import Census

DEPTH = 5
"""Frames that each raise passes, so entries that it adds."""


class Reused(Exception):  # noqa: N818 - a stand-in for any error
    """The object that is raised again and again."""


def retain(error: Reused, entries: int) -> None:
    """Raise `error` through a plain stack until its traceback has `entries` entries more."""
    for _ in range(entries // DEPTH):
        with contextlib.suppress(Reused):
            _fall(error, DEPTH - 1)


def _fall(error: Reused, frames: int) -> None:
    if frames == 1:
        raise error
    _fall(error, frames - 1)


def serve(entries: int, port: int) -> None:
    """Retain entries, then publish what a service with our exporter does, until killed."""
    error = Reused()
    retain(error, entries)
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    collectors.install(registry, Census(lambda: {"reused": error}))
    start_http_server(port, "127.0.0.1", registry)
    threading.Event().wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
