"""One fresh process of the service for each measurement, on the Python and the Starlette that the row is about."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.arms import free_ports
from loadtest.bench.servers import Server

MEMORY_LIMIT_MB = 1024
"""MiB at which a measured process ends itself: no twin needs a tenth of it."""

END_IS_SEEN_S = 2.0
"""How long after its connection broke a process may take to be seen as ended."""


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The run was interrupted; nothing is started any more."""


@dataclass(frozen=True)
class Runtime:
    """What a row is measured on. `python` and `starlette` are versions, `executable` is what runs the service.

    `overlay` is a folder whose packages come before those of the environment. `problem` says why this one cannot be
    used, in one line.
    """

    python: str
    starlette: str
    executable: str
    overlay: Path | None = None
    problem: str = ""
    app: str = "service.app:app"

    @property
    def name(self) -> str:
        """Both versions in words."""
        return f"Python {self.python}, Starlette {self.starlette}"


@dataclass
class Processes:
    """The processes that run now, so that all of them can be stopped at once, from any thread."""

    folder: Path
    _running: set[Server] = field(default_factory=set)
    _stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def serve(self, name: str, runtime: Runtime) -> Iterator[Server]:
        """Run one service until the block ends. Raises `DidNotStart`, and `Stopped` after `stop`."""
        server = self._start(name, runtime)
        try:
            server.wait_until_listening()
            yield server
        finally:
            server.stop()
            with self._lock:
                self._running.discard(server)

    def stop(self) -> None:
        """End all processes, and let none begin after."""
        with self._lock:
            self._stopped = True
            for server in self._running:
                server.stop()

    def _start(self, name: str, runtime: Runtime) -> Server:
        with self._lock:
            if self._stopped:
                raise Stopped
            (port,) = free_ports(1)
            server = _service(name, self.folder, port, runtime)
            server.start()
            self._running.add(server)
            return server


def why_it_ended(server: Server) -> str | None:
    """Return in words why the process ended, None if it runs on."""
    deadline = time.monotonic() + END_IS_SEEN_S
    while (status := server.status()) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.05)
    return f"the service ended with status {status}: {server.last_line()}"


def _service(name: str, folder: Path, port: int, runtime: Runtime) -> Server:
    command = ["-m", "uvicorn", runtime.app, "--host", "127.0.0.1", "--port", "{port}"]
    command += ["--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "600"]
    before = [str(runtime.overlay.resolve())] if runtime.overlay else []
    environment = {
        "LAB_ARM": name,
        "LAB_CONTROL": "1",
        "LAB_METRICS": "none",
        "LAB_MEMORY_LIMIT_MB": str(MEMORY_LIMIT_MB),
        "PYTHONPATH": os.pathsep.join(before),
    }
    return Server(name, command, folder, port, environment, runtime.executable)
