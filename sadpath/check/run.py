"""`sadpath check`: from what was typed to the verdicts."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from rich.console import Console

from sadpath.check.baseline import read_baseline
from sadpath.check.drive.driver import Driver
from sadpath.check.find.paths import UNKNOWN_PATH, find_paths
from sadpath.check.measure.session import OVER_LIMIT, Measuring
from sadpath.check.report.console import PIPE_WIDTH, print_check
from sadpath.check.report.github import write_for_github
from sadpath.check.report.junit import write_check_junit
from sadpath.check.report.page import write_check_page
from sadpath.check.report.progress import Progress
from sadpath.check.report.summary import write_check
from sadpath.check.result import Check, Plan, Request
from sadpath.check.service.attach import attached, outside
from sadpath.check.service.probes import NoAnswer
from sadpath.check.service.start import Target, started, with_uvicorn
from sadpath.check.settings import Settings
from sadpath.check.template import starter
from sadpath.errors import CommandError, Status, writing_to
from sadpath.hosts import urlsplit_or_none

APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.()]*")


@dataclass(frozen=True)
class Which:
    """Which service is checked: what was typed, and the options that say more of it."""

    words: tuple[str, ...]
    url: str = ""
    pid: int | None = None
    container: str = ""
    metrics: str = ""
    i_own_this_host: bool = False


@dataclass(frozen=True)
class Outputs:
    """The files to write, and the one with the leaks that are accepted."""

    json: Path | None = None
    junit: Path | None = None
    html: Path | None = None
    baseline: Path | None = None


def run(which: Which, settings: Settings, outputs: Outputs, *, list_only: bool = False) -> int:
    """Check a service, print and write the results, and return the exit status. Raises `CommandError`.

    What happens on the way goes to standard error, the result to standard output.
    """
    aside, out = Console(stderr=True), Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    accepted = read_baseline(outputs.baseline) if outputs.baseline else frozenset()
    _check_folders(outputs)
    with the_target(which) as target, _driver(target, settings, which) as driver:
        plan = _plan(target, driver, settings, aside)
        if list_only:
            return _listed(plan, out)
        limit = settings.memory_limit or psutil.virtual_memory().available // 2
        measuring = Measuring(target, driver, plan, settings, limit)
        _measure(measuring, aside, lambda check: _write_json(outputs, check, accepted))
        result = replace(measuring.check(), accepted=accepted)
    print_check(result, out)
    _write(outputs, result)
    return measuring.interrupted or status_of(result)


def init(which: Which | None, settings: Settings, file: Path) -> int:
    """Write a settings file with comments, for the service if one is named. Raises `CommandError`."""
    if file.exists():
        raise CommandError(f"{file} is there already; remove it, or name another with --config", Status.WRONG_COMMAND)
    aside = Console(stderr=True)
    plan = Plan(())
    if which:
        with the_target(which) as target, _driver(target, settings, which) as driver:
            plan = _plan(target, driver, settings, aside)
    with writing_to(file):
        file.write_text(starter(plan, settings), encoding="utf-8")
    aside.print(f"wrote {file}; next: sadpath check -- COMMAND", highlight=False, markup=False, soft_wrap=True)
    return int(Status.OK)


def status_of(check: Check) -> Status:
    """Return the exit status of a check."""
    if check.outcome == "leaks":
        return Status.LEAKS
    if check.ended_early and not check.ended_early.startswith(OVER_LIMIT):
        return Status.FAILED
    return {"flat": Status.OK, "inconclusive": Status.INCONCLUSIVE}[check.outcome]


def the_target(which: Which) -> AbstractContextManager[Target]:
    """Return what starts the service, or finds it. Raises `CommandError`."""
    first = which.words[0]
    if len(which.words) == 1 and urlsplit_or_none(first):
        if which.pid is not None:
            return attached(first, which.pid)
        if which.container or which.metrics:
            return nullcontext(outside(first, which.container, which.metrics))
        raise CommandError(
            f"{first} runs already: add --pid PID, --container NAME or --metrics URL, so that its memory can be read; "
            "or let us start it: sadpath check -- COMMAND",
            Status.WRONG_COMMAND,
        )
    if which.pid is not None or which.container or which.metrics:
        raise CommandError("--pid, --container and --metrics need the address of a service", Status.WRONG_COMMAND)
    if len(which.words) == 1 and APP.fullmatch(first):
        return started(with_uvicorn(first), url=which.url, name=first)
    return started(which.words, url=which.url)


def _measure(measuring: Measuring, console: Console, on_result: Callable[[Check], None]) -> None:
    """Measure until all is decided, the budget ends, or something ends it early. `on_result` gets the check so far."""
    with _cut_short(measuring), Progress(console, measuring) as progress:
        for decided in measuring.run():
            progress.update()
            if decided:
                on_result(measuring.check())


@contextmanager
def _cut_short(measuring: Measuring) -> Iterator[None]:
    """Note why the measurement ended early; what was measured stays. A signal goes on to end the command."""
    try:
        yield
    except (NoAnswer, OSError) as reason:
        measuring.ended_early = measuring.target.why_it_ended() or str(reason)
    except CommandError as reason:
        measuring.ended_early = reason.message
    except SystemExit as end:
        measuring.ended_early = "interrupted"
        measuring.interrupted = int(end.code or 0)


def _driver(target: Target, settings: Settings, which: Which) -> Driver:
    return Driver(
        target.url,
        connections=settings.concurrency,
        timeout_s=settings.timeout_s,
        i_own_this_host=which.i_own_this_host,
    )


def _plan(target: Target, driver: Driver, settings: Settings, console: Console) -> Plan:
    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    say(f"{target.name} answers at {target.url}")
    if target.why_no_probe:
        say(f"measured from outside, without a cause: {target.why_no_probe}")
    driver.answers([Request("GET", UNKNOWN_PATH)])  # the first request may load an app, or its routes
    return find_paths(driver, settings, _routes(target), say)


def _routes(target: Target) -> Sequence[tuple[str, str]]:
    """Return the routes that the probe reads in the running app, none where no probe answers."""
    if target.probes is None:
        return ()
    try:
        answers = target.probes.ask("routes.routes")
    except (NoAnswer, OSError):
        return ()
    return list(dict.fromkeys((one["method"], one["path"]) for found in answers.values() for one in found))


def _listed(plan: Plan, out: Console) -> int:
    """Print the error paths that would be measured."""
    for path in plan.paths:
        out.print(f"{path.name}  {path.request.path}", highlight=False, markup=False, soft_wrap=True)
    for note in plan.notes:
        out.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    return int(Status.OK if plan.paths else Status.INCONCLUSIVE)


def _write_json(outputs: Outputs, check: Check, accepted: frozenset[str]) -> None:
    """Write the results so far, so that a kill leaves them."""
    if outputs.json:
        with writing_to(outputs.json):
            write_check(outputs.json, replace(check, accepted=accepted))


def _check_folders(outputs: Outputs) -> None:
    """Raise `CommandError` if a file could not be written, before anything is measured for it."""
    for file in filter(None, (outputs.json, outputs.junit, outputs.html)):
        with writing_to(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_dir() or not os.access(file.parent, os.W_OK):
                raise CommandError(f"cannot write to {file}: it is a folder, or its folder is read-only")


def _write(outputs: Outputs, check: Check) -> None:
    writers = ((outputs.json, write_check), (outputs.junit, write_check_junit), (outputs.html, write_check_page))
    for file, write in writers:
        if file:
            with writing_to(file):
                write(file, check)
    write_for_github(check)
