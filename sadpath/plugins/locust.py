"""Watch services while Locust loads them: for any locustfile.

    from locust import events
    from sadpath.plugins.locust import register

    register(events)

and then `locust --watch shop=http://127.0.0.1:8000/metrics …`. While the load runs, a sample of each watched service is
appended to `samples.csv` every second, and a page at `/sadpath` on Locust's web UI draws them; Locust's own figures are
at `/metrics`, for Prometheus. When Locust ends, it prints a verdict, leaves the report, and exits with 1 if a service
leaks and 3 if that could not be decided.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from argparse import ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.event import Events
from locust.runners import Runner, WorkerRunner
from locust.stats import calculate_response_time_percentile, diff_response_time_dicts
from locust.web import WebUI

from sadpath.hosts import NotYours, check_host
from sadpath.plugins.locust_metrics import arm_of, metrics_page
from sadpath.report import ABOUT, ENVIRONMENT, LEFT_BEHIND, SAMPLES, write_report
from sadpath.report.page import live_page
from sadpath.sources import Reading, Unreadable
from sadpath.sources.metrics_page import MetricsPage
from sadpath.verdict.samples import Latency, Sample
from sadpath.verdict.sampling import Sampler

INTERVAL_S = 1.0
PATIENCE_S = 3.0
EARLIER_SAMPLES = "samples.earlier.csv"
EXIT_STATUS = {"leaks": 1, "inconclusive": 3}

logger = logging.getLogger("sadpath")


def register(events: Events) -> None:
    """Hook the plugin into Locust's events. Without `--watch` it checks the hosts and publishes Locust's metrics."""
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(_start)


def add_options(parser: LocustArgumentParser) -> None:
    """Add the plugin's options to Locust's."""
    group = parser.add_argument_group("Sadpath", "Watch the memory of services under load")
    group.add_argument(
        "--sadpath-watch",
        action="append",
        default=[],
        type=_watch,
        metavar="NAME=URL",
        env_var="SADPATH_WATCH",
        help="a service's name and the address of its /metrics page; may be given several times",
    )
    group.add_argument(
        "--sadpath-warm-up",
        type=float,
        default=5.0,
        metavar="SECONDS",
        env_var="SADPATH_WARM_UP",
        help="how long the load only warms the services up; what is sampled meanwhile is not judged (5)",
    )
    group.add_argument(
        "--sadpath-reports",
        default="reports/locust",  # text, since Locust sends its options to its workers as messages
        metavar="FOLDER",
        env_var="SADPATH_REPORTS",
        help="where the samples and the report go (reports/locust)",
    )
    group.add_argument(
        "--sadpath-about",
        default="",
        metavar="TEXT",
        env_var="SADPATH_ABOUT",
        help="what the services are, for the page and the report",
    )
    group.add_argument(
        "--sadpath-i-own-this-host",
        action="store_true",
        env_var="SADPATH_I_OWN_THIS_HOST",
        help="load a host that is neither this machine nor on a private network",
    )


def options_of(environment: Environment) -> Namespace:
    """Return Locust's options, which there are whenever it runs from the command line."""
    options = environment.parsed_options
    assert isinstance(options, Namespace)  # noqa: S101 - set before any of our hooks is called
    return options


def refuse_strange_hosts(environment: Environment, urls: list[str]) -> None:
    """End Locust with one line if one of `urls` is not ours to load."""
    for url in urls:
        try:
            check_host(url, i_own_this_host=options_of(environment).sadpath_i_own_this_host)
        except (NotYours, ValueError) as refusal:
            sys.exit(f"locust: {refusal}")


def _watch(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or "://" not in url:
        raise ArgumentTypeError(f"{text!r} is no NAME=URL; one looks like shop=http://127.0.0.1:8000/metrics")
    return name, url


def _start(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
    options = options_of(environment)
    _check_host(environment)
    environment.events.test_start.add_listener(_check_host)  # it can be another by then: the web UI has a field for it
    if isinstance(runner, WorkerRunner):
        return
    if web_ui is not None and web_ui.app is not None:
        metrics_page(web_ui.app, environment, list(dict(options.sadpath_watch)))
    if not options.sadpath_watch:
        return
    refuse_strange_hosts(environment, [url for _, url in options.sadpath_watch])
    watcher = Watcher(environment, options)
    environment.events.test_start.add_listener(watcher.on_test_start)
    environment.events.test_stop.add_listener(watcher.on_test_stop)
    environment.events.quitting.add_listener(watcher.on_quitting)
    if web_ui is not None and web_ui.app is not None:
        live_page(web_ui.app, list(dict(options.sadpath_watch)), lambda: watcher.samples, options.sadpath_about)


def _check_host(environment: Environment, **_: Any) -> None:
    hosts = [environment.host] if environment.host else [kind.host for kind in environment.user_classes if kind.host]
    refuse_strange_hosts(environment, hosts)


@dataclass(frozen=True)
class Bounded:
    """A page that is given up after `PATIENCE_S`, wherever it hangs: a socket's timeout begins anew with each byte."""

    page: MetricsPage

    def read(self) -> Reading:
        """Read the page. Raises `Unreadable`."""
        with gevent.Timeout(PATIENCE_S, Unreadable(f"{self.page.url}: timed out")):
            return self.page.read()


class Watcher:
    """Samples services in Locust's own process, while a test runs."""

    def __init__(self, environment: Environment, options: Namespace) -> None:
        self._pages = {name: MetricsPage(url) for name, url in options.sadpath_watch}
        self._sources = {name: Bounded(page) for name, page in self._pages.items()}
        self._folder = Path(options.sadpath_reports)
        self._warm_up_s = options.sadpath_warm_up
        self._about = options.sadpath_about
        self._latencies = Latencies(environment, list(self._pages))
        self._sampler: Sampler | None = None
        self._greenlets: list[gevent.Greenlet] = []

    @property
    def samples(self) -> list[Sample]:
        """What was sampled so far."""
        return self._sampler.samples if self._sampler else []

    def on_test_start(self, **_: Any) -> None:
        """Begin a new run: a new file, and a greenlet for each service, so that one that hangs delays no other."""
        self._stop()
        self._make_room()
        self._sampler = Sampler(self._sources, self._folder / SAMPLES, self._warm_up_s, self._latencies.of)
        for name in self._pages:  # the first of each in the order of the options, which is the order of the report
            self._sampler.sample(name)
        self._greenlets = [gevent.spawn(self._run, name, self._sampler) for name in self._pages]
        gevent.spawn(self._save_environment)

    def _make_room(self) -> None:
        """Clear the folder of an earlier run, but keep its samples: it may have been killed, and this its restart.

        What the run is about is there from the start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if (self._folder / SAMPLES).exists():
            (self._folder / SAMPLES).replace(self._folder / EARLIER_SAMPLES)
        for name in LEFT_BEHIND:
            (self._folder / name).unlink(missing_ok=True)
        if self._about:
            (self._folder / ABOUT).write_text(self._about + "\n", encoding="utf-8")

    def on_test_stop(self, **_: Any) -> None:
        """Take the last samples."""
        self._stop()

    def on_quitting(self, environment: Environment, **_: Any) -> None:
        """Write the report, say the verdict, and make it Locust's exit status."""
        self._stop()
        if not self.samples:
            return
        run = write_report(self._folder)
        for name, verdict in run.verdicts.items():
            logger.info("%s %s", name, verdict.sentence)
        logger.info("the report is in %s", self._folder / "report.html")
        if environment.process_exit_code is None and run.outcome != "flat":  # flat leaves it to failed requests
            environment.process_exit_code = EXIT_STATUS[run.outcome]

    def _run(self, name: str, sampler: Sampler) -> None:
        due = time.monotonic()
        while True:
            due = max(due + INTERVAL_S, time.monotonic())
            gevent.sleep(due - time.monotonic())
            sample = sampler.sample(name)
            if sample.missing:
                logger.warning("no sample of %s: %s", name, sample.missing)

    def _save_environment(self) -> None:
        """Keep the versions that the figures depend on, if one of the services tells them."""
        for page in self._pages.values():
            with contextlib.suppress(Unreadable):
                environment = page.environment()
                (self._folder / ENVIRONMENT).write_text(json.dumps(environment) + "\n")
                return

    def _stop(self) -> None:
        if self._greenlets and self._sampler:
            gevent.killall(self._greenlets)
            self._greenlets = []
            for name in self._pages:
                self._sampler.sample(name)
            self._sampler.close()


class Latencies:
    """Response times since they were last asked for, from Locust's own statistics; these hold the workers' too."""

    def __init__(self, environment: Environment, arms: Sequence[str]) -> None:
        self._environment = environment
        self._arms = arms
        self._last: dict[str, dict[int, int]] = {}

    def of(self, name: str) -> Latency:
        """Return the percentiles of the newest response times of one service."""
        now: Counter[int] = Counter()
        for (request_name, _), entry in self._environment.stats.entries.items():
            if arm_of(request_name, self._arms) == name:
                now.update(entry.response_times)
        new = diff_response_time_dicts(now, self._last.get(name, {}))
        self._last[name] = dict(now)
        count = sum(new.values())
        if count <= 0 or min(new.values()) < 0:  # the statistics were reset
            return Latency()
        return Latency(*(calculate_response_time_percentile(new, count, percent) for percent in (0.5, 0.99)))
