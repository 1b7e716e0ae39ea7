"""The processes of the demo: the two arms, and Locust, which loads and watches them."""

from __future__ import annotations

import signal
import sys
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from loadtest import ARMS, HEADLINE
from loadtest.catalogue import Twin, twin_at
from loadtest.demo import outcome
from loadtest.demo.earlier_runs import keep_earlier_run
from loadtest.demo.load import watch_options
from loadtest.ports import free_ports, is_free
from loadtest.server import Server, service
from sadpath.errors import CommandError, writing_to
from sadpath.lifeline import Child

LOCUST_STOP_S = 30.0
STEADY = {"MALLOC_ARENA_MAX": "2"}
"""For twins that raise in threads: an arena for each of forty levels off too late to call it flat in a minute."""

LOG = "locust.log"
OUR_ERROR = "/ERROR/sadpath: "
"""What precedes an error of the plugin in Locust's log."""


@dataclass(frozen=True)
class Options:
    """What the demo was asked for. Without a rate the twin's own is used."""

    twin: str
    seconds: int
    rate: float | None
    context_kb: int
    memory_limit_mb: int
    warm_up: float
    port: int
    reports: Path


class Processes:
    """The processes of the demo. `loaded` is the twin, from when the load starts: then a report can be written."""

    def __init__(self, options: Options) -> None:
        *ports, any_port = free_ports(len(ARMS) + 1)
        self._port = options.port or any_port
        if not is_free(self._port):
            raise CommandError(f"port {self._port} is in use; set another with DEMO_PORT or --port, or 0 for any")
        self.options = options
        settings = {"LAB_MEMORY_LIMIT_MB": str(options.memory_limit_mb)}
        settings |= {} if options.twin == HEADLINE else STEADY
        self.arms = [service(arm, options.reports, port, **settings) for arm, port in zip(ARMS, ports, strict=True)]
        self.loaded: Twin | None = None
        self.rate = options.rate or 0.0
        self._locust: Child | None = None

    @property
    def page(self) -> str:
        """The address of the live page."""
        return f"http://127.0.0.1:{self._port}/sadpath"

    @property
    def named_arms(self) -> dict[str, Server]:
        """The arms by the names of the twin's variants."""
        return dict(zip(self.loaded.arms if self.loaded else ARMS, self.arms, strict=True))

    def start(self) -> Twin:
        """Start the arms and, when they answer, Locust; return the twin. An earlier run is left alone until then.

        Raises `CommandError`.
        """
        reports = self.options.reports
        with writing_to(reports):
            reports.mkdir(parents=True, exist_ok=True)
            for name in (*(f"{arm}.log" for arm in ARMS), LOG):
                (reports / name).unlink(missing_ok=True)
        for arm in self.arms:
            arm.start()
        for arm in self.arms:
            arm.wait_until_listening()
        twin = twin_at(self.arms[0].url, self.options.twin)
        self.rate = self.rate or outcome.rate_for(twin, self.options.seconds, self.options.warm_up)
        with writing_to(reports):
            keep_earlier_run(reports)
        self.loaded = twin
        self._locust = Child(self._locust_command(), reports / LOG)
        return twin

    def page_answers(self) -> bool:
        """Return whether the live page can be opened."""
        try:
            with urllib.request.urlopen(self.page, timeout=0.5) as response:  # noqa: S310 - loopback
                return bool(response.status == HTTPStatus.OK)
        except OSError:
            return False

    def locust_status(self) -> int | None:
        """Return Locust's exit status, or None while it runs."""
        return self._locust.status() if self._locust else None

    def locust_reason(self) -> str:
        """Return the last error in Locust's output or, without one, the last line: a table may follow the error."""
        lines = self._locust.lines() if self._locust else []
        errors = [line for line in lines if OUR_ERROR in line or line.startswith("locust: ")]
        return next(reversed(errors or lines), "it printed nothing").rpartition(OUR_ERROR)[2]

    def stop(self) -> None:
        """End all processes: Locust first, so that it can write its report of arms that still run."""
        if self._locust:
            self._locust.stop(signal.SIGINT, LOCUST_STOP_S)
        for arm in self.arms:
            arm.stop()

    def _locust_command(self) -> list[str]:
        options = self.options
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--autostart"]
        command += ["--web-host", "127.0.0.1", "--web-port", str(self._port), "--only-summary", "--stop-timeout", "2"]
        command += ["--twin", options.twin, "--rate", str(self.rate), "--context-kb", str(options.context_kb)]
        for arm in self.arms:
            command += [f"--{arm.name}-host", arm.url]
        watched = {name: arm.url for name, arm in self.named_arms.items()}
        command += watch_options(watched, options.reports, options.warm_up)
        return command + (["--run-time", f"{options.seconds}s", "--autoquit", "0"] if options.seconds else [])
