"""The arms of the demo: one process of the service for each, restarted when it ends, as a container would be."""

from __future__ import annotations

import socket
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

from sadpath.lifeline import Child

START_TIMEOUT_S = 30.0


class DidNotStart(Exception):  # noqa: N818 - for the person at the terminal
    """A process of the demo did not come up; the message says which, and why."""


@dataclass
class Arm:
    """One running copy of the service.

    `restarts` lists in words why it had to be started again, the oldest first.
    """

    name: str
    port: int
    log: Path
    settings: dict[str, str]
    restarts: list[str] = field(default_factory=list)
    _child: Child | None = None
    _answered: bool = False

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; it is ready only once `wait_until_healthy` returns."""
        command = [sys.executable, "-m", "uvicorn", "service.app:app", "--host", "127.0.0.1", "--port", str(self.port)]
        quiet = ["--no-access-log", "--log-level", "warning"]
        environment = {"LAB_ARM": self.name, "LAB_CONTROL": "1", **self.settings}
        self._child = Child([*command, *quiet], self.log, environment)
        self._answered = False

    def wait_until_healthy(self) -> None:
        """Wait until the service answers. Raises `DidNotStart` if it ends before, or never does."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_healthy():
            if self._child is None or self._child.status() is not None:
                raise DidNotStart(f"the arm {self.name} ended at once: {self._last_line()} (see {self.log})")
            if time.monotonic() > deadline:
                raise DidNotStart(f"the arm {self.name} did not answer in {START_TIMEOUT_S:.0f} s; see {self.log}")
            time.sleep(0.05)
        self._answered = True

    def restart_if_ended(self) -> str | None:
        """Start the process again if it has ended, and return in words why it did; None if it runs.

        Raises `DidNotStart` if it ended without ever having answered: it would only do so again.
        """
        status = self._child.status() if self._child else None
        if status is None:
            self._answered = self._answered or self._is_healthy()
            return None
        reason = self._last_line()
        if not reason.startswith(f"arm {self.name}"):
            reason = f"arm {self.name}: ended with status {status}"
            if not self._answered:
                raise DidNotStart(f"{reason} before it ever answered (see {self.log})")
        self.restarts.append(reason)
        self.start()
        return reason

    def stop(self) -> None:
        """End the process."""
        if self._child:
            self._child.stop()

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=0.5) as response:  # noqa: S310 - loopback
                return bool(response.status == HTTPStatus.OK)
        except HTTPError as answer:
            answer.close()  # it holds a connection
            return False
        except OSError:
            return False

    def _last_line(self) -> str:
        return (self._child.last_line() if self._child else "") or "it said nothing"


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
