"""Watch services while Locust loads them: for any locustfile.

    from locust import events
    from sadpath.plugins.locust import register

    register(events)

and then `locust --sadpath-watch shop=http://127.0.0.1:8000/metrics …`. While the load runs, a sample of each watched
service is appended to `samples.csv` every second, and a page at `/sadpath` on Locust's web UI draws them; Locust's own
figures are at `/metrics`, for Prometheus. When Locust ends, it logs a verdict, writes the report, and exits with 1 if a
service leaks and 3 if the verdict is inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from locust.env import Environment
from locust.event import Events
from locust.runners import Runner, WorkerRunner
from locust.web import WebUI

from sadpath.watch.guard import check_hosts, guard, one_line, refuse_load
from sadpath.watch.live.stage import Stage
from sadpath.watch.locust_metrics import add_metrics_page
from sadpath.watch.options import add_options, options_of
from sadpath.watch.watcher import Watcher

__all__ = ["add_options", "options_of", "refuse_load", "refuse_strange_hosts", "register"]


def register(events: Events, stage: Callable[[Environment], Stage] | None = None) -> None:
    """Hook the plugin into Locust's events.

    Without `--sadpath-watch` it only checks the hosts, guards the web UI and publishes Locust's metrics. `stage` makes
    what the live page can do; without it the page only shows.
    """

    def start(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
        _start(environment, runner, web_ui, stage)

    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(start)
    events.test_start.add_listener(_check_hosts_again)  # now: a worker can get its load before its `init`


def refuse_strange_hosts(environment: Environment, urls: Sequence[str]) -> None:
    """End Locust with one line if one of `urls` is not ours to load."""
    with one_line():
        check_hosts(environment, urls)


def _start(
    environment: Environment,
    runner: Runner,
    web_ui: WebUI | None,
    stage: Callable[[Environment], Stage] | None,
) -> None:
    options = options_of(environment)
    refuse_strange_hosts(environment, _hosts(environment))
    if isinstance(runner, WorkerRunner):
        return
    names = [name for name, _ in options.sadpath_watch]
    app = web_ui.app if web_ui else None
    if app is not None:
        guard(app, environment)
        add_metrics_page(app, environment, names)
    if not names:
        return
    refuse_strange_hosts(environment, [url for _, url in options.sadpath_watch])
    with one_line():
        watcher = Watcher(environment, options)
    environment.events.test_start.add_listener(watcher.on_test_start)
    environment.events.test_stop.add_listener(watcher.on_test_stop)
    environment.events.quitting.add_listener(watcher.on_quitting)
    if web_ui and app is not None:
        from sadpath.watch.live import page  # noqa: PLC0415 - it draws, and a worker has nothing to draw

        watcher.page = page.LivePage(app, watcher, stage(environment) if stage else None)
        page.link_from_index(app)
        page.announce(web_ui)


def _check_hosts_again(environment: Environment, **_: Any) -> None:
    """Check them at each start: they can be others by then, since the web UI has a field for them."""
    refuse_load(environment, _hosts(environment))


def _hosts(environment: Environment) -> list[str]:
    return [environment.host] if environment.host else [kind.host for kind in environment.user_classes if kind.host]
