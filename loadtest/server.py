"""Start a server, wait until it answers, restart it, stop it: the one place that does, for the demo and for every
measurement.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import psutil

from loadtest.ports import is_listening
from sadpath.errors import CommandError
from sadpath.lifeline import Child

START_TIMEOUT_S = 120.0
"""Only what hangs takes so long: a process that ends is seen at once, and a busy machine is waited for."""

END_IS_SEEN_S = 2.0
"""How long after its connection broke a process may take to be seen as ended."""

LOOK_AGAIN_S = 0.05
KEEP_ALIVE_S = "600"
"""A client that waits for its turn must not lose its connection."""


@dataclass(eq=False)
class Server:
    """One process that listens on a port: `python` with `arguments`, in which `{port}` stands for the port.

    Its output goes to `NAME.log` in `folder`. `restarts` lists why it was started again, the oldest reason first.
    """

    name: str
    arguments: Sequence[str]
    folder: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    restarts: list[str] = field(default_factory=list)
    _child: Child | None = None
    _answered: bool = False

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; it is ready once `wait_until_listening` returns."""
        command = [self.python, *(argument.replace("{port}", str(self.port)) for argument in self.arguments)]
        self._child = Child(command, self.folder / f"{self.name}.log", self.environment)
        self._answered = False

    def wait_until_listening(self) -> None:
        """Wait until the server takes connections. Raises `CommandError` if it ends before, or never does."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_listening(self.port):
            if self._child is None or self._child.status() is not None:
                raise CommandError(f"{self.name} ended at once: {self.last_line()}")
            if time.monotonic() > deadline:
                raise CommandError(f"{self.name} did not answer in {START_TIMEOUT_S:.0f} s")
            time.sleep(LOOK_AGAIN_S)
        self._answered = True

    def restart_if_ended(self) -> str | None:
        """Start the process again if it has ended, and return why it did; None while it runs.

        Raises `CommandError` if it ended without ever having answered: it would end again.
        """
        if (status := self.status()) is None:
            self._answered = self._answered or is_listening(self.port)
            return None
        reason = self._own_reason() or f"exit status {status}"
        if not (self._answered or self._own_reason()):
            raise CommandError(f"{self.name}: {reason} before it ever answered: {self.last_line()}")
        self.restarts.append(reason)
        self.start()
        return reason

    def stop(self) -> None:
        """End the process."""
        if self._child:
            self._child.stop()

    def pid(self) -> int:
        """Return the id of the process that listens. Raises `CommandError` if no process does."""
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if any(one.laddr.port == self.port and one.status == "LISTEN" for one in process.net_connections()):
                    return process.pid
        raise CommandError(f"{self.name} does not listen on port {self.port}: {self.last_line()}")

    def status(self) -> int | None:
        """Return its exit status, None while it runs."""
        return self._child.status() if self._child else None

    def why_it_ended(self) -> str | None:
        """Return why the process ended, after its connection broke; None if it still runs."""
        deadline = time.monotonic() + END_IS_SEEN_S
        while (status := self.status()) is None:
            if time.monotonic() > deadline:
                return None
            time.sleep(LOOK_AGAIN_S)
        return f"the service ended with status {status}: {self.last_line()}"

    def last_line(self) -> str:
        """Return the last line of its output: mostly why it ended."""
        return (self._child.last_line() if self._child else "") or "it printed nothing"

    def _own_reason(self) -> str:
        """Return the reason that the service itself gave as its last line, as for its memory limit; else empty."""
        found = re.match(rf"(?:arm )?{re.escape(self.name)}: (.*)", self.last_line())
        return found[1] if found else ""


def service(  # noqa: PLR0913 - one parameter for each thing that an experiment varies
    name: str,
    folder: Path,
    port: int,
    *,
    runner: Sequence[str] = (),
    app: str = "service.app:app",
    python: str = sys.executable,
    **environment: str,
) -> Server:
    """Return the lab's service, not yet started, with this `environment`; `runner` is put before uvicorn."""
    command = [*runner, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}"]
    command += ["--no-access-log", "--log-level", "warning", "--timeout-keep-alive", KEEP_ALIVE_S]
    return Server(name, command, folder, port, {"LAB_ARM": name, "LAB_CONTROL": "1", **environment}, python)


def watch_options(services: Mapping[str, str], reports: Path, warm_up_s: float) -> list[str]:
    """Return the options of Locust that make the plugin watch `services`, addresses by name."""
    watched = [option for name, url in services.items() for option in ("--sadpath-watch", f"{name}={url}/metrics")]
    return [*watched, "--sadpath-reports", str(reports), "--sadpath-warm-up", str(warm_up_s)]


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Run servers that all have to come up. Raises `CommandError`; whatever happens, none is left running."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_listening()
        yield
    finally:
        for server in servers:
            server.stop()


@dataclass
class Pool:
    """The servers that run now, so that all of them can be stopped at once, from any thread."""

    _running: set[Server] = field(default_factory=set)
    _is_closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def serve(self, server: Server) -> Iterator[Server]:
        """Run a server until the block ends. Raises `CommandError`, and `CancelledError` after `stop`."""
        with self._lock:
            if self._is_closed:
                raise CancelledError
            self._running.add(server)
            server.start()
        try:
            server.wait_until_listening()
            yield server
        finally:
            server.stop()
            with self._lock:
                self._running.discard(server)

    def stop(self) -> None:
        """End all servers, and let none begin after."""
        with self._lock:
            self._is_closed = True
            for server in self._running:
                server.stop()


def run_to_its_end(command: Sequence[str], log: Path, timeout_s: float = inf) -> tuple[int, str]:
    """Run a command that is no server; return its exit status and the last line of its output.

    It is stopped after `timeout_s`, and when we are interrupted.
    """
    child, deadline = Child(command, log), time.monotonic() + timeout_s
    try:
        while child.status() is None and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_S)
    finally:
        child.stop()
    return child.status() or 0, child.last_line() or "it printed nothing"
