"""The processes of the demo: an arm for each variant, and Locust, which loads and watches them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest import HEADLINE, outcome
from loadtest.arms import Arm, DidNotStart, free_ports, is_free
from loadtest.catalogue import Twin, twin_at
from sadpath.lifeline import Child
from sadpath.report import LEFT_BEHIND

ARMS = ("reused", "factory")
LOCUST_STOP_S = 30.0
STEADY = {"MALLOC_ARENA_MAX": "2"}
"""For twins that raise in threads: an arena for each of forty levels off too late to tell flat in a minute."""

LOGS = (*(f"{arm}.log" for arm in ARMS), "locust.log")


@dataclass(frozen=True)
class Options:
    """What the demo was asked for. Without a rate the twin's own is taken."""

    twin: str
    seconds: int
    rate: float | None
    context_kb: int
    memory_limit_mb: int
    warm_up: float
    port: int
    reports: Path


class Stage:
    """The processes of the demo."""

    def __init__(self, options: Options) -> None:
        *ports, any_port = free_ports(len(ARMS) + 1)
        port = options.port or any_port
        if not is_free(port):
            raise DidNotStart(f"port {port} is taken; name another with DEMO_PORT or --port, or 0 for any")
        self.options = options
        self.page = f"http://127.0.0.1:{port}/sadpath"
        settings = {"LAB_MEMORY_LIMIT_MB": str(options.memory_limit_mb)}
        if options.twin != HEADLINE:
            settings |= STEADY
        self.arms = [
            Arm(name, arm_port, options.reports / f"{name}.log", settings)
            for name, arm_port in zip(ARMS, ports, strict=True)
        ]
        self.loaded: Twin | None = None  # from when on there is something to report
        self.rate = options.rate or 0.0
        self._port = port
        self._locust: Child | None = None

    def start(self) -> Twin:
        """Start the arms and, when they answer, Locust; return the twin. An earlier run's report is kept until then."""
        try:
            self.options.reports.mkdir(parents=True, exist_ok=True)
            self._remove(LOGS)
        except OSError as error:
            raise DidNotStart(f"cannot write to {self.options.reports}: {error.strerror}") from error
        for arm in self.arms:
            arm.start()
        for arm in self.arms:
            arm.wait_until_healthy()
            twin = twin_at(arm.url, self.options.twin)
        self.rate = self.rate or outcome.rate_for(twin, self.options.seconds, self.options.warm_up)
        self._remove(LEFT_BEHIND)
        self.loaded = twin
        self._locust = Child(self._locust_command(), self.options.reports / "locust.log")
        return twin

    def locust_status(self) -> int | None:
        """Return Locust's exit status, or None while it runs."""
        return self._locust.status() if self._locust else None

    def locust_reason(self) -> str:
        """Return the last thing that Locust said."""
        return self._locust.last_line() if self._locust else ""

    def stop(self) -> None:
        """End all processes: Locust first, so that it can write its report of arms that still run."""
        if self._locust:
            self._locust.stop(signal.SIGINT, LOCUST_STOP_S)
        for arm in self.arms:
            arm.stop()

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            (self.options.reports / name).unlink(missing_ok=True)

    def _locust_command(self) -> list[str]:
        options = self.options
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--autostart", "--autoquit", "0"]
        command += ["--web-host", "127.0.0.1", "--web-port", str(self._port), "--only-summary", "--stop-timeout", "2"]
        command += ["--twin", options.twin, "--rate", str(self.rate), "--context-kb", str(options.context_kb)]
        command += ["--sadpath-reports", str(options.reports), "--sadpath-warm-up", str(options.warm_up)]
        for arm in self.arms:
            command += [f"--{arm.name}-host", arm.url, "--sadpath-watch", f"{arm.name}={arm.url}/metrics"]
        return command + (["--run-time", f"{options.seconds}s"] if options.seconds else [])
