"""Runs a module as `python -m` does; times a look at its heap and a full collection when asked over HTTP.

    python -m loadtest.bench.census_runner 8001 -m uvicorn service.app:app --port 8000
    curl http://127.0.0.1:8001/

So the heap that is measured is a real service's, made by real requests.
"""

from __future__ import annotations

import gc
import json
import runpy
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from sadpath.probe.explain import explain
from sadpath.probe.heap import full_census


class Handler(BaseHTTPRequestHandler):
    """Answers each request with one pair of times."""

    def do_GET(self) -> None:
        """Measure now."""
        page = json.dumps(measure()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


def measure() -> dict[str, float]:
    """Time a census, the naming of the object with the longest chain, and a collection, in seconds.

    `entries` are those of that chain. It is named as `sadpath check` names it: who holds it, where it was raised.

    Callbacks of the garbage collector are removed meanwhile, because they would be timed with it.
    """
    callbacks, gc.callbacks[:] = gc.callbacks[:], []
    try:
        began = time.perf_counter()
        found = full_census()
        census_s = time.perf_counter() - began
        began = time.perf_counter()
        explained = explain([one.exception_id for one in found.with_traceback[:1]])
        naming_s = time.perf_counter() - began
        began = time.perf_counter()
        gc.collect()
        collect_s = time.perf_counter() - began
        longest = max((one.entries for one in found.with_traceback), default=0)
        has_name = any(one["held_by"] for one in explained)
        return {
            "entries": longest,
            "named": has_name,
            "census_s": census_s,
            "naming_s": naming_s,
            "collect_s": collect_s,
        }
    finally:
        gc.callbacks[:] = callbacks


def main() -> None:
    """Answer beside the module that the command line names after `PORT -m`."""
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    module = sys.argv[3]
    sys.argv = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
