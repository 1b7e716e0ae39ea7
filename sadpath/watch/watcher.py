"""Watch services in Locust's own process, while a test runs, and conclude when it ends."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from locust.env import Environment

from sadpath import __version__
from sadpath.errors import CommandError, Status, in_words, writing_to
from sadpath.hosts import without_user, without_users
from sadpath.sources import Reading, Unreadable
from sadpath.sources.metrics_page import MetricsPage, WrongPage
from sadpath.text import terminal
from sadpath.watch.guard import one_line
from sadpath.watch.locust_metrics import Latencies
from sadpath.watch.options import LOOKS_LIKE, options_of
from sadpath.watch.report import CONDITIONS, PAGE, SAMPLES, Run, set_aside, write_report
from sadpath.watch.report.junit import write_junit
from sadpath.watch.report.summary import verdict_block
from sadpath.watch.run import Conditions, write_conditions
from sadpath.watch.sampler import Sampler

if TYPE_CHECKING:
    from sadpath.watch.live.page import LivePage

INTERVAL_S = 1.0
PATIENCE_S = 3.0

logger = logging.getLogger("sadpath")


@dataclass(frozen=True)
class BoundedPage:
    """A page that is given up after `PATIENCE_S`, wherever it hangs: a socket's timeout begins anew with each byte."""

    page: MetricsPage

    def read(self) -> Reading:
        """Read the page. Raises `Unreadable`."""
        with gevent.Timeout(PATIENCE_S, Unreadable(f"{self.page}: timed out")):
            return self.page.read()


class Watcher:
    """Samples services in Locust's own process, while a test runs.

    Reads each of them once, now. Raises `CommandError` if one cannot be read, or the folder cannot be written to.
    """

    def __init__(self, environment: Environment, options: Namespace) -> None:
        self._environment = environment
        self._pages = {name: MetricsPage(url) for name, url in options.sadpath_watch}
        self._sources = {name: BoundedPage(page) for name, page in self._pages.items()}
        if len(self._pages) < len(options.sadpath_watch):
            raise CommandError("two watched services have the same name; give each its own", Status.WRONG_COMMAND)
        for name, source in self._sources.items():
            _first_reading(name, source)
        self.names: Sequence[str] = list(self._pages)
        self.about = str(options.sadpath_about)
        self.folder = Path(options.sadpath_reports)
        self.concluded: Run | None = None
        self.page: LivePage | None = None
        _make_folder(self.folder)
        self._junit = Path(options.sadpath_junit) if options.sadpath_junit else None
        self._conditions = _conditions(options)
        self._latencies = Latencies(environment, list(self._pages))
        self._sampler: Sampler | None = None
        self._greenlets: list[gevent.Greenlet] = []

    @property
    def run(self) -> Run:
        """The run so far."""
        return self._sampler.run if self._sampler else Run()

    @property
    def is_running(self) -> bool:
        """Whether samples are taken."""
        return bool(self._greenlets)

    def mark(self, words: str, arms: Iterable[str]) -> None:
        """Remember what was done to services, in a sample of each that is taken now."""
        if self._sampler and self.is_running:
            self._sampler.mark(words, arms)
            self._greenlets += [gevent.spawn(self._sampler.sample, arm) for arm in arms]

    def on_test_start(self, **_: Any) -> None:
        """Begin a new run: a new file, and a greenlet for each service, so that one that hangs delays no other."""
        self._stop()
        self.concluded = None
        about = options_of(self._environment).sadpath_about.strip()
        self._conditions = replace(
            self._conditions, started=datetime.now(UTC).isoformat(timespec="seconds"), users=None, about=about
        )
        with one_line(), writing_to(self.folder):
            self._sampler = self._new_sampler()
        for name in self._pages:  # the first of each in the order of the options, which is the order of the report
            self._sampler.sample(name)
        self._greenlets = [gevent.spawn(self._watch, name, self._sampler) for name in self._pages]
        gevent.spawn(self._find_environment)

    def _new_sampler(self) -> Sampler:
        """Begin a new run in the folder. Raises `OSError`."""
        if earlier := set_aside(self.folder):
            logger.info("moved the earlier run to %s", earlier)
        write_conditions(self.folder / CONDITIONS, self._conditions)
        return Sampler(self._sources, self.folder / SAMPLES, self._conditions.warm_up_s or 0.0, self._latencies.of)

    def on_test_stop(self, environment: Environment, **_: Any) -> None:
        """Take the last samples, and give the live page its ending. Where Locust quits by itself, it waits for that."""
        self._stop()
        if self.page and self._conclude(environment) and getattr(environment.parsed_options, "autoquit", -1) != -1:
            self.page.wait_for_readers()

    def on_quitting(self, environment: Environment, **_: Any) -> None:
        """Log the verdict, and make it Locust's exit status."""
        self._stop()
        run = self._conclude(environment)
        if run is None:
            return
        if self._sampler and self._sampler.unsaved:
            environment.process_exit_code = int(Status.FAILED)
        block = verdict_block(run, str(self.folder / PAGE))
        logger.log(logging.INFO if run.outcome == "flat" else logging.WARNING, "%s", f"\n{block}")
        if environment.process_exit_code is None and run.status:  # else failed requests decide, as in any Locust
            environment.process_exit_code = int(run.status)
        if self.page:
            self.page.wait_for_readers()

    def _conclude(self, environment: Environment) -> Run | None:
        """Write the report of a load that has ended, once; return the run, or None where there is no report."""
        if self.concluded or not self.run.samples:
            return self.concluded
        try:
            run = write_report(self.folder)
            if self._junit:
                write_junit(self._junit, run)
        except OSError as error:
            logger.error("cannot write the report: %s", in_words(error))  # noqa: TRY400 - one line
            environment.process_exit_code = int(Status.FAILED)
            return None
        self.concluded = run
        return run

    def _watch(self, name: str, sampler: Sampler) -> None:
        due = time.monotonic()
        missing = ""
        while True:
            due = max(due + INTERVAL_S, time.monotonic())
            gevent.sleep(due - time.monotonic())
            sample = sampler.sample(name)
            if sample.missing and sample.missing != missing:
                why = terminal(sample.missing)
                logger.warning("%s: missing samples from %.0f s on: %s", name, sample.elapsed_s, why)
            missing = sample.missing
            self._count_users()

    def _count_users(self) -> None:
        """Remember the most users that ran at once."""
        users = self._environment.runner.user_count if self._environment.runner else 0
        self._conditions = replace(self._conditions, users=max(users, self._conditions.users or 0))

    def _find_environment(self) -> None:
        """Save the versions that the figures depend on, if one of the services reports them."""
        for page in self._pages.values():
            with contextlib.suppress(Unreadable):
                self._conditions = replace(self._conditions, environment=page.environment())
                self._save_conditions()
                return

    def _save_conditions(self) -> None:
        """Save what is known by now. Where that fails the report does too, and ends Locust with its status."""
        try:
            write_conditions(self.folder / CONDITIONS, self._conditions)
        except OSError as error:
            logger.error("cannot write %s: %s", self.folder / CONDITIONS, error.strerror)  # noqa: TRY400 - one line

    def _stop(self) -> None:
        if self._greenlets and self._sampler:
            gevent.killall(self._greenlets)
            self._greenlets = []
            for name in self._pages:
                self._sampler.sample(name)
            self._sampler.close()
            self._save_conditions()


def _first_reading(name: str, source: BoundedPage) -> Reading:
    """Read a service before the load begins. Raises `CommandError` if that is not possible."""
    try:
        return source.read()
    except WrongPage as reason:
        line = f"--sadpath-watch {name}: {reason}; name the address of a metrics page ({LOOKS_LIKE})"
        raise CommandError(line, Status.WRONG_COMMAND) from reason
    except Unreadable as reason:
        raise CommandError(f"--sadpath-watch {name}: {reason}; start the service first") from reason


def _make_folder(folder: Path) -> None:
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise CommandError(f"cannot write to {folder}: it belongs to another user, or is read-only")


def _conditions(options: Namespace) -> Conditions:
    return Conditions(
        sadpath=__version__,
        command=shlex.join(["locust", *map(without_users, sys.argv[1:])]),
        host=platform.node(),
        services={name: without_user(url) for name, url in options.sadpath_watch},
        warm_up_s=options.sadpath_warm_up,
        bytes_per_request=options.sadpath_bytes_per_request,
        allow_inconclusive=options.sadpath_allow_inconclusive,
        about=options.sadpath_about.strip(),
    )
