"""Locust with the plugin in this process: its events begin and end a load, and no user runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import pytest

from tests.watch.shops import Shop, Trade, shop

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from locust.env import Environment

Serve = Callable[..., Shop]


def greenlets_until(condition: Callable[[], object]) -> None:
    """Let other greenlets run until `condition` holds."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        gevent.sleep(0.005)


def fire(event: Any, **what: Any) -> None:
    """Let Locust's listeners know of an event, as Locust does."""
    event.fire(**what)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve shops until the test ends: `serve(bytes_per_request=15_000)`."""
    with ExitStack() as shops:
        yield lambda **trade: shops.enter_context(shop(Trade(**trade)))


@dataclass(frozen=True)
class PluggedIn:
    """A Locust whose plugin has started."""

    environment: Environment
    reports: Path

    @property
    def status(self) -> int | None:
        """The exit status that Locust was told; None where failed requests decide."""
        return self.environment.process_exit_code

    def begin(self) -> None:
        """Begin a load."""
        fire(self.environment.events.test_start, environment=self.environment)

    def wait_for_samples(self, count: int = 25) -> None:
        """Wait for so many rows in the file."""
        samples = self.reports / "samples.csv"
        greenlets_until(lambda: samples.exists() and samples.read_text().count("\n") > count)

    def end(self) -> None:
        """End the load, and Locust."""
        fire(self.environment.events.test_stop, environment=self.environment)
        fire(self.environment.events.quitting, environment=self.environment, reverse=True)

    def run(self) -> None:
        """Begin a load, and end it after some samples."""
        self.begin()
        self.wait_for_samples()
        self.end()


PlugIn = Callable[..., PluggedIn]


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PlugIn:
    """Start the plugin with such options; what ends Locust is `SystemExit`. A sample is taken as soon as can be."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # the other tests need their sockets and threads as they are
    from locust.argument_parser import get_parser  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    from sadpath.plugins.locust import add_options, register  # noqa: PLC0415

    monkeypatch.setattr("sadpath.watch.watcher.INTERVAL_S", 0.005)

    def plug_in(*options: str) -> PluggedIn:
        monkeypatch.setattr("sys.argv", ["locust", *options])
        parser = get_parser()
        add_options(parser)
        always = ["--sadpath-warm-up", "0", "--sadpath-reports", str(tmp_path / "reports")]
        environment = Environment(parsed_options=parser.parse_args([*always, *options]))
        register(environment.events)
        fire(environment.events.init, environment=environment, runner=None, web_ui=None)
        return PluggedIn(environment, tmp_path / "reports")

    return plug_in


@pytest.fixture
def web_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Environment]:
    """Locust with the plugin and its real web UI, which is asked without a socket; its one user does nothing."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    from locust import User, task  # noqa: PLC0415
    from locust.argument_parser import get_parser  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    from sadpath.plugins.locust import add_options, register  # noqa: PLC0415

    class Shopper(User):
        """Waits."""

        @task
        def wait_long(self) -> None:
            """Send nothing."""
            gevent.sleep(600)

    monkeypatch.setattr("sys.argv", ["locust"])  # which its page reads, to show the options
    parser = get_parser()
    add_options(parser)
    environment = Environment(
        user_classes=[Shopper],
        available_user_classes={"Shopper": Shopper},  # type: ignore[dict-item]  # it is a class, as its name says
        available_user_tasks={"Shopper": []},
        parsed_options=parser.parse_args(["--web-host", "locust.lab.example"]),
    )
    runner = environment.create_local_runner()
    try:
        web_ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
        register(environment.events)
        fire(environment.events.init, environment=environment, runner=runner, web_ui=web_ui)
        yield environment
    finally:
        runner.quit()


@pytest.fixture
def client(web_environment: Environment) -> FlaskClient:
    """What asks its web UI."""
    assert web_environment.web_ui
    assert web_environment.web_ui.app
    return web_environment.web_ui.app.test_client()
