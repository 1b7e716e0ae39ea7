"""`sadpath check` and `sadpath init`: from what was typed to the verdicts."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from pathlib import Path

import psutil
from rich.console import Console
from rich.text import Text

from sadpath.check.driver import Driver, Request
from sadpath.check.events import Ended, Handler, tell
from sadpath.check.find import UNKNOWN_PATH, Plan
from sadpath.check.find.careful import Careful, Sending
from sadpath.check.find.paths import Finder
from sadpath.check.login.logged_in import LoggedIn
from sadpath.check.measure.session import Session
from sadpath.check.own_memory import limited_memory
from sadpath.check.report import Files
from sadpath.check.report.console import PIPE_WIDTH, Progress, Result
from sadpath.check.result import EndReason, read_baseline
from sadpath.check.routes import Routes
from sadpath.check.secret import in_headers
from sadpath.check.service.attach import attached, outside
from sadpath.check.service.start import started, with_uvicorn
from sadpath.check.service.target import Target, TargetSpec
from sadpath.check.settings import Settings, template
from sadpath.errors import CommandError, Status, writing_to
from sadpath.fault import keep_secret
from sadpath.files import write_whole
from sadpath.hosts import urlsplit_or_none
from sadpath.sources import SourceSpec
from sadpath.text import terminal

APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.()]*")


def run(  # noqa: PLR0913 - one for each thing that was typed
    spec: TargetSpec,
    settings: Settings,
    files: Files,
    baseline: Path | None,
    *,
    list_only: bool = False,
    is_agreed: bool = False,
) -> int:
    """Check a service, print and write the results, and return the exit status. Raises `CommandError`.

    What happens on the way goes to standard error, the result to standard output. Before data may be changed it asks in
    a terminal, unless that `is_agreed`.
    """
    aside, out = Console(stderr=True), Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    for headers in (settings.headers, *(one.headers for one in settings.requests)):
        keep_secret(in_headers(headers))
    accepted = read_baseline(baseline) if baseline else frozenset()
    files.check_folders()
    with open_target(spec) as target, limited_memory(), _driver(target, settings, spec) as plain:
        sender, settings = _logged_in(target, plain, settings, aside)
        driver = Careful(sender)
        plan = _plan(target, driver, settings, aside, safe_only=list_only, is_agreed=is_agreed)
        if isinstance(sender, LoggedIn):
            plan = replace(plan, notes=(*plan.notes, *sender.doubts()))
        if list_only:
            return listed(plan, out)
        limit = settings.memory_limit or psutil.virtual_memory().available // 2
        session = Session(target, driver, plan, settings, memory_limit=limit, accepted=accepted)
        with Progress(aside) as progress:
            end = _measure(session, [progress, files])
        check = session.check()
    tell([Result(out), files], Ended(check))
    if end:
        raise end
    return check.status


def init(spec: TargetSpec | None, settings: Settings, file: Path) -> int:
    """Write a settings file with comments, for the service if one is named. Raises `CommandError`."""
    if file.exists():
        raise CommandError(f"{file} is there already; remove it, or name another with --config", Status.WRONG_COMMAND)
    aside = Console(stderr=True)
    plan = Plan(())
    if spec:
        with open_target(spec) as target, limited_memory(), _driver(target, settings, spec) as driver:
            plan = _plan(target, Careful(driver), settings, aside, safe_only=True)
    for note in plan.notes:
        _say(aside, f"note: {note}")
    with writing_to(file):
        write_whole(file, template(plan.paths).encode())
    _say(aside, f"wrote {file}; next: sadpath check -- COMMAND")
    return int(Status.OK)


def open_target(spec: TargetSpec) -> AbstractContextManager[Target]:
    """Return what starts the service, or finds it. Raises `CommandError`."""
    if sys.platform == "linux" and not Path("/proc/self").exists():
        raise CommandError("processes cannot be seen, since /proc is not mounted; type: mount -t proc proc /proc")
    first, options = spec.words[0], " or ".join(f"--{one.name}" for one in fields(SourceSpec))
    if len(spec.words) == 1 and urlsplit_or_none(first):
        if spec.log:
            raise CommandError(
                "--log needs the command that starts the service: the output of one that runs cannot be read",
                Status.WRONG_COMMAND,
            )
        if spec.source.pid is not None:
            return attached(first, spec.source.pid)
        if spec.source != SourceSpec():
            return nullcontext(outside(first, spec.source))
        raise CommandError(
            f"{first} runs already: add {options}, so that its memory can be read; "
            "or let us start it: sadpath check -- COMMAND",
            Status.WRONG_COMMAND,
        )
    if spec.source != SourceSpec():
        raise CommandError(f"{options} needs the address of a service", Status.WRONG_COMMAND)
    is_app = len(spec.words) == 1 and APP.fullmatch(first)
    command, name = (with_uvicorn(first), first) if is_app else (spec.words, "")
    return started(command, url=spec.url, name=name, within_s=spec.starts_within_s, log=spec.log)


def _measure(session: Session, handlers: Sequence[Handler]) -> BaseException | None:
    """Measure, and tell the handlers. Whatever cuts it short leaves what was measured.

    Returns what ends the command once the results are written: a signal, or a fault of ours.
    """
    try:
        for event in session.events():
            tell(handlers, event)
    except CommandError as reason:
        session.cut_short(EndReason.FAILED, reason.message)
    except SystemExit as end:
        session.cut_short(EndReason.INTERRUPTED, "interrupted")
        return end
    except Exception as error:  # noqa: BLE001 - it is raised again
        session.cut_short(EndReason.FAILED, f"a fault of Sadpath ({type(error).__name__})")
        return error
    return None


def _driver(target: Target, settings: Settings, spec: TargetSpec) -> Driver:
    return Driver(
        target.url,
        connections=settings.concurrency,
        timeout_s=settings.timeout_s,
        i_own_this_host=spec.i_own_this_host,
    )


def _logged_in(target: Target, driver: Driver, settings: Settings, console: Console) -> tuple[Sending, Settings]:
    """Log in, where the settings say so. Returns what sends requests, and the settings with what the login gave.

    Raises `CommandError`, before that, where somebody else would get the password.
    """
    if not settings.auth:
        return driver, settings
    driver.answers([Request("GET", UNKNOWN_PATH)])
    if name := target.stranger(driver.newly_opened()):
        raise CommandError(
            f"requests to {target.url} go to {name}, which is not what is measured, so nothing was sent to log in: "
            "end that process, or give the service's own address",
            Status.INCONCLUSIVE,
        )
    sender = LoggedIn(driver, settings.auth, settings.headers)
    _say(console, f"logged in by {settings.auth.name}")
    return sender, replace(settings, headers=sender.headers)


def _plan(  # noqa: PLR0913 - one for each thing that a search depends on
    target: Target,
    driver: Careful,
    settings: Settings,
    console: Console,
    *,
    safe_only: bool,
    is_agreed: bool = False,
) -> Plan:
    _say(console, f"{target.name} answers at {target.url}")
    if target.why_no_probe:
        _say(console, f"measured from outside, without a cause: {target.why_no_probe}")
    driver.answers([Request("GET", UNKNOWN_PATH)])  # the first request may load an app, or its routes
    routes = target.probes.routes() if target.probes else Routes()

    def say(line: str) -> None:
        _say(console, line)

    def agree(line: str) -> None:
        _say(console, line)
        if not is_agreed:
            _ask(console)

    plan = Finder(driver, settings, routes.found, say, agree, safe_only=safe_only).find()
    return replace(plan, notes=(*routes.notes, *plan.notes))


def _ask(console: Console) -> None:
    """Ask whether to go on, where somebody is there to answer. Raises `CommandError` for anything but yes."""
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return
    console.print("Go on? [y/N] ", end="", highlight=False, markup=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(
            "nothing was sent that may change data; leave out --writes, or add --yes", Status.WRONG_COMMAND
        )


def listed(plan: Plan, out: Console) -> int:
    """Print the error paths that would be measured."""
    for path in plan.paths:
        _say(out, f"{path.name}  {path.request.path}")
    for note in plan.notes:
        _say(out, f"note: {note}")
    return int(Status.OK if plan.paths else Status.INCONCLUSIVE)


def _say(console: Console, line: str) -> None:
    console.print(Text(terminal(line)), soft_wrap=True)
