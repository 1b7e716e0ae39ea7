"""`make demo`: load two arms, watch their memory diverge, report a verdict."""

from __future__ import annotations

import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from loadtest import ARMS, HEADLINE, outcome
from loadtest.catalogue import Twin, twin_at
from loadtest.ports import free_ports, is_free
from loadtest.server import Server, service, watch_options
from sadpath import interrupts
from sadpath.errors import CommandError, Status, writing_to
from sadpath.files import set_aside
from sadpath.hosts import direct_opener
from sadpath.lifeline import Child
from sadpath.watch.report import CONDITIONS, LEFT_BEHIND, MEMORY_PICTURE, PAGE, SAMPLES, SUMMARY, read_run, write_report
from sadpath.watch.run import Run, read_conditions
from sadpath.watch.sample_file import SampleReader

REFRESH_S = 0.25
LINE_S = 5.0
WARM_UP_S = 5.0
VERDICT_STATUSES = {Status.OK, Status.LEAKS, Status.INCONCLUSIVE, Status.UNEXPECTED_ANSWERS}
"""With these Locust ends when the plugin could judge; with any other something went wrong."""

LOCUST_STOP_S = 60.0
"""What Locust may take to draw its report once it is told to end; under Compose it has as long."""

KEPT_RUNS = 5
"""Earlier runs that stay beside the newest."""

STEADY = {"MALLOC_ARENA_MAX": "2"}
"""For twins that raise in threads: an arena for each of forty levels off too late to call it flat in a minute."""

LOG = "locust.log"
OUR_ERROR = "/ERROR/sadpath: "
"""What precedes an error of the plugin in Locust's log."""


def demo(  # noqa: PLR0913, PLR0917 - one parameter for each option
    twin: Annotated[str, typer.Option(envvar="TWIN", help="The twin to load; `make twins` lists them.")] = HEADLINE,
    seconds: Annotated[int, typer.Option(min=0, envvar="DEMO_SECONDS", help="Duration; 0 is until Ctrl-C.")] = 60,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            envvar="DEMO_RATE",
            help="Requests per second to each arm. Default: 200, or fewer for a twin that slows down with each.",
        ),
    ] = None,
    context_kb: Annotated[
        int, typer.Option(min=0, max=4096, envvar="DEMO_CONTEXT_KB", help="KiB of context that each raise holds.")
    ] = 16,
    memory_limit_mb: Annotated[
        int,
        typer.Option(min=64, envvar="DEMO_MEMORY_LIMIT_MB", help="MiB at which an arm ends itself and is restarted."),
    ] = 512,
    warm_up: Annotated[
        float | None,
        typer.Option(
            min=0,
            envvar="DEMO_WARM_UP",
            help="Seconds at the start in which both arms take the fixed path. Default: 5, or a quarter of the demo.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, envvar="DEMO_PORT", help="Port of the page; 0 is any.")] = 0,
    open_page: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--open", envvar="DEMO_OPEN", help="Open the page in a browser, once it answers.")
    ] = False,
    reports: Annotated[Path, typer.Option(envvar="DEMO_REPORTS", help="Folder for the report.")] = Path("reports/demo"),
) -> int:
    """Load two arms, leaky and fixed, and watch their memory.

    An arm is one running copy of the service. Exit status: 0 all verdicts are as expected (the headline twin's reused
    leaks and factory is flat), 1 they are not, 2 the command is wrong, 3 inconclusive, 4 something did not start, or
    died. Interrupted before anything was measured it is 130, at SIGTERM 143; later the verdict decides.
    """
    if warm_up is None:
        warm_up = min(WARM_UP_S, seconds / 4) if seconds else WARM_UP_S
    options = Options(twin, seconds, rate, context_kb, memory_limit_mb, warm_up, port, reports)
    return Demo(Processes(options), Console(highlight=False), opens=open_page).run()


class Demo:
    """A demo that runs, and what it prints."""

    def __init__(self, processes: Processes, console: Console, *, opens: bool = False) -> None:
        self._processes = processes
        self._options = processes.options
        self._console = console
        self._opens = opens
        self._failure = ""
        self._signalled = 0

    def run(self) -> int:
        """Run to the end or to the first Ctrl-C, leave the report, and return the exit status.

        Raises `CommandError` if a process did not come up or the twin is unknown; then nothing is left running.
        """
        try:
            with interrupts.interrupt_once():
                self._announce(self._processes.start())
                self._watch()
        except KeyboardInterrupt as interrupt:
            self._signalled = interrupts.SIGNALLED + int(*interrupt.args)
            self._say("Stopping; the report covers what was measured.")
        except CommandError as reason:
            if not self._processes.loaded:
                raise
            self._failure = str(reason)
        finally:
            self._processes.stop()
        return self._conclude()

    def _say(self, text: str) -> None:
        """Print a line. A terminal wraps it between words; elsewhere it stays one line."""
        self._console.print(text, soft_wrap=not self._console.is_terminal)

    def _announce(self, twin: Twin) -> None:
        """Print what the arms are, for another twin than the headline."""
        if twin.is_headline:
            return
        self._console.print(twin.about, soft_wrap=not self._console.is_terminal, markup=False)
        rate = self._processes.rate
        if twin.slows_down and not self._options.rate:
            self._say(
                f"Each request costs more than the one before, so each arm gets {rate:.3g} a second, not "
                f"{outcome.RATE:g}."
            )

    def _watch(self) -> None:
        """Show the arms until Locust ends, restarting those that do."""
        processes, reader, run = self._processes, SampleReader(self._options.reports / SAMPLES), Run()
        is_announced = False
        with self._screen() as show:
            while (status := processes.locust_status()) is None:
                if not is_announced and (is_announced := processes.page_answers()):
                    self._show_page()
                for name, arm in processes.named_arms.items():
                    if reason := arm.restart_if_ended():
                        self._say(f"{name}: {reason}, restarted ({len(arm.restarts)})")
                if reader.exists():
                    run.extend(reader.update()[len(run.samples) :])
                    show(run)
                self._check_folder()
                time.sleep(REFRESH_S)
        if status not in VERDICT_STATUSES:
            self._failure = f"Locust ended with status {status}: {processes.locust_reason()}"

    def _show_page(self) -> None:
        page = self._processes.page
        self._say(f"Page: [bold]{page}[/]   (Ctrl-C ends and writes the report)")
        if self._opens and not webbrowser.open(page):
            self._say("No browser was found: open the page yourself.")

    def _check_folder(self) -> None:
        """Raise `CommandError` if somebody removed the folder, and with it the logs that would say what failed.

        Locust makes the folder again where it writes a whole file; nobody makes the log again.
        """
        if not (self._options.reports / f"{ARMS[0]}.log").exists():
            raise CommandError(f"{self._options.reports} was removed while the demo ran")

    @contextmanager
    def _screen(self) -> Iterator[Callable[[Run], None]]:
        """Yield what shows the state: a table that is drawn anew in a terminal, a line now and then elsewhere."""
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False) as live:
                yield lambda run: live.update(self._table(run), refresh=True)
            return
        last = 0.0

        def print_line(run: Run) -> None:
            nonlocal last
            elapsed = run.duration_s
            if elapsed >= last + LINE_S:
                last = elapsed
                self._say(f"{elapsed:4.0f} s  {outcome.line(run)}")

        yield print_line

    def _table(self, run: Run) -> Table:
        options, elapsed = self._options, run.duration_s
        fixed = self._processes.loaded.fixed if self._processes.loaded else ""
        phase = f"warm-up, both arms take the path {fixed}" if elapsed < options.warm_up else "measuring"
        end = f"of {options.seconds} s" if options.seconds else "s, until Ctrl-C"
        return outcome.table(run, f"{elapsed:.0f} {end}: {phase}   {self._processes.page}")

    def _result(self) -> Run:
        """Return the run that was measured, with its report, also where Locust wrote none. Raises `CommandError`."""
        reports = self._options.reports
        with writing_to(reports):
            return read_run(reports) if (reports / SUMMARY).exists() else write_report(reports)

    def _conclude(self) -> int:
        """Print the verdict and where the report is; return the exit status."""
        reports, twin = self._options.reports, self._processes.loaded
        if twin:
            self._check_folder()
        result = self._result() if twin and (reports / SAMPLES).exists() else None
        if self._failure:
            self._say(f"[bold red]{escape(self._failure)}[/]")
        if not twin or not result:
            self._say("Nothing was measured.")
            return self._signalled or Status.FAILED
        for style, (arm, verdict) in zip(outcome.STYLES, result.verdicts.items(), strict=False):
            self._say(f"[{style}]{arm}[/] {verdict.sentence}")
        self._say(f"Report: {reports / PAGE}")
        self._say(f"Picture for a slide: {reports / MEMORY_PICTURE}")
        if self._failure:
            return Status.FAILED
        for line in outcome.words(result, twin, self._options.seconds, self._processes.rate):
            self._say(line)
        if self._processes.locust_status() == Status.UNEXPECTED_ANSWERS:
            log = reports / LOG
            self._say(f"[bold red]But most requests did not get the expected answer; {log} lists the answers.[/]")
            return Status.LEAKS
        return outcome.status_of(result, twin)


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
            with direct_opener().open(self.page, timeout=0.5) as answer:
                return bool(answer.status == HTTPStatus.OK)
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


def keep_earlier_run(reports: Path) -> None:
    """Move what a run left in `reports` to a folder beside it: `reports` is always the newest. Raises `OSError`."""
    started = read_conditions(reports / CONDITIONS).started
    set_aside(reports, LEFT_BEHIND, reports.parent, started=started, keep=KEPT_RUNS, prefix=f"{reports.name}-")
