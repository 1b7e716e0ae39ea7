"""The processes that are measured: any command that listens on a port of the loopback interface."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loadtest.arms import START_TIMEOUT_S, DidNotStart
from sadpath.lifeline import Child

KEEP_ALIVE_S = "600"
"""A round of one server must not close the connections that wait for the next round of another."""


@dataclass(eq=False)
class Server:
    """One server: `python` with `arguments`, in which `{port}` stands for the port that it gets."""

    name: str
    arguments: Sequence[str]
    folder: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    _child: Child | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; it is ready only once `wait_until_listening` returns."""
        command = [self.python, *(argument.replace("{port}", str(self.port)) for argument in self.arguments)]
        self._child = Child(command, self.folder / f"{self.name}.log", self.environment)

    def wait_until_listening(self) -> None:
        """Wait until the server takes connections. Raises `DidNotStart` if it ends before, or never does."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_listening():
            if self._child is None or self._child.status() is not None:
                raise DidNotStart(f"{self.name} ended at once: {self.last_line()}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"{self.name} did not answer in {START_TIMEOUT_S:.0f} s")
            time.sleep(0.05)

    def pid(self) -> int:
        """Return the id of the process that listens. Raises `DidNotStart` if there is none."""
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(one.laddr.port == self.port and one.status == "LISTEN" for one in process.net_connections()):
                    return process.pid
        raise DidNotStart(f"{self.name} does not listen on port {self.port}: {self.last_line()}")

    def stop(self) -> None:
        """End the process."""
        if self._child:
            self._child.stop()

    def status(self) -> int | None:
        """Return its exit status, None while it runs."""
        return self._child.status() if self._child else None

    def last_line(self) -> str:
        """Return the last thing that it said, mostly why it ended."""
        return (self._child.last_line() if self._child else "") or "it said nothing"

    def _is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
        except OSError:
            return False
        return True


def service(name: str, folder: Path, port: int, runner: Sequence[str] = (), **settings: str) -> Server:
    """Return the service, not yet started, with `settings` as its `LAB_*` variables; `runner` is put before uvicorn."""
    command = [*runner, "-m", "uvicorn", "service.app:app", "--host", "127.0.0.1", "--port", "{port}"]
    command += ["--no-access-log", "--log-level", "warning", "--timeout-keep-alive", KEEP_ALIVE_S]
    return Server(name, command, folder, port, settings)


@contextlib.contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Run servers that all have to come up. Raises `DidNotStart`; whatever happens, none is left running."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_listening()
        yield
    finally:
        for server in servers:
            server.stop()
