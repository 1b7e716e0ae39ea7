"""The one-command demo: two arms, Locust, a page, a verdict.

    python -m loadtest.demo --seconds 60

    python -m loadtest.demo --twin retry-worker

Exit status: 0 the lab behaved as it must (reused leaks, factory is flat, or what the catalogue says of another twin) ·
1 it did not · 2 the command is wrong · 3 inconclusive · 4 something did not start, or died.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from loadtest import HEADLINE, UNEXPECTED_ANSWERS, outcome, terminal
from loadtest.arms import DidNotStart
from loadtest.catalogue import NoCatalogue, NoSuchTwin, Twin
from loadtest.processes import Options, Stage
from sadpath.report import MEMORY_PICTURE, PAGE, SAMPLES, SUMMARY, read_run, write_report
from sadpath.verdict.samples import Sample, SampleReader

REFRESH_S = 0.25
LINE_S = 5.0
WARM_UP_S = 5.0
VERDICT_STATUSES = {0, 1, 3, UNEXPECTED_ANSWERS}
"""With these Locust ends when the plugin could judge; with any other something went wrong."""

WRONG, FAILED = 2, 4


def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    twin: Annotated[str, typer.Option(envvar="TWIN", help="which errors; a name that is none lists all")] = HEADLINE,
    seconds: Annotated[int, typer.Option(min=0, envvar="DEMO_SECONDS", help="how long; 0 is until Ctrl-C")] = 60,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            envvar="DEMO_RATE",
            help="requests a second, for each arm; of itself 200, or fewer for a twin that slows down with each",
        ),
    ] = None,
    context_kb: Annotated[
        int, typer.Option(min=0, max=4096, envvar="DEMO_CONTEXT_KB", help="KiB that each raise holds")
    ] = 16,
    memory_limit_mb: Annotated[
        int, typer.Option(min=64, envvar="LAB_MEMORY_LIMIT_MB", help="MiB at which an arm ends and is restarted")
    ] = 512,
    warm_up: Annotated[
        float | None,
        typer.Option(
            min=0,
            envvar="DEMO_WARM_UP",
            help="seconds of the fixed path for both arms, first; of themselves 5, or a quarter of a short demo",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, envvar="DEMO_PORT", help="of the page; 0 is any")] = 0,
    reports: Annotated[Path, typer.Option(envvar="DEMO_REPORTS", help="where the report goes")] = Path("reports/demo"),
) -> None:
    """Load two copies of one service, one with an error that leaks and one fixed, and watch their memory part."""
    if warm_up is None:
        warm_up = min(WARM_UP_S, seconds / 4) if seconds else WARM_UP_S
    options = Options(twin, seconds, rate, context_kb, memory_limit_mb, warm_up, port, reports)
    try:
        raise typer.Exit(run(options, Console()))
    except (DidNotStart, NoCatalogue, NoSuchTwin) as reason:
        sys.stderr.write(f"demo: {reason}\n")
        raise typer.Exit(WRONG if isinstance(reason, NoSuchTwin) else FAILED) from None


def run(options: Options, console: Console) -> int:
    """Run the demo to its end or to the first Ctrl-C, leave the report, and return the exit status.

    Raises `DidNotStart` if a process did not come up or the page's port is taken, and `NoSuchTwin` if the arms do not
    know the twin; then nothing is left running.
    """
    stage = Stage(options)
    console.print(f"The page: [bold]{stage.page}[/]   (Ctrl-C ends the demo and writes the report)", soft_wrap=True)
    failure = None
    try:
        with interrupt_once():
            announce(stage.start(), stage, console)
            failure = watch(stage, console)
    except KeyboardInterrupt:
        console.print("Stopping; the report covers what was measured.")
    except DidNotStart as reason:
        if not stage.loaded:
            raise
        failure = str(reason)
    finally:
        stage.stop()
    return conclude(stage, console, failure)


def announce(twin: Twin, stage: Stage, console: Console) -> None:
    """Say what the arms are, where it is not the headline."""
    if twin.is_headline:
        return
    console.print(twin.about, soft_wrap=True, highlight=False, markup=False)
    if twin.slows_down and not stage.options.rate:
        console.print(
            f"Each request costs more than the one before, so each arm gets {stage.rate:.3g} a second, not "
            f"{outcome.RATE:g}.",
            soft_wrap=True,
            highlight=False,
        )


def watch(stage: Stage, console: Console) -> str | None:
    """Show the arms until Locust ends, restarting those that do; return in words what failed, if anything did."""
    reader = SampleReader(stage.options.reports / SAMPLES)
    with screen(console) as show:
        while (status := stage.locust_status()) is None:
            for arm in stage.arms:
                if reason := arm.restart_if_ended():
                    console.print(f"{reason}; restarted")
            if reader.exists():
                show(stage, reader.update())
            time.sleep(REFRESH_S)
    return None if status in VERDICT_STATUSES else f"Locust ended with status {status}: {stage.locust_reason()}"


Show = Callable[[Stage, list[Sample]], None]


@contextmanager
def screen(console: Console) -> Iterator[Show]:
    """Yield what shows the state: a table that is drawn anew in a terminal, a line now and then elsewhere."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda stage, samples: live.update(_table(stage, samples), refresh=True)
        return
    last = 0.0

    def print_line(_: Stage, samples: list[Sample]) -> None:
        nonlocal last
        elapsed = samples[-1].elapsed_s if samples else 0.0
        if elapsed >= last + LINE_S:
            last = elapsed
            console.print(f"{elapsed:4.0f} s  {terminal.line(samples)}", soft_wrap=True)

    yield print_line


def conclude(stage: Stage, console: Console, failure: str | None) -> int:
    """Say the verdict and where the report is; return the exit status."""
    options = stage.options
    if failure:
        console.print(f"[bold red]{failure}[/]", soft_wrap=True)
    twin = stage.loaded
    if not twin or not (options.reports / SAMPLES).exists():
        console.print("Nothing was measured.")
        return FAILED
    finished = (options.reports / SUMMARY).exists()
    result = read_run(options.reports) if finished else write_report(options.reports)
    for arm, verdict in result.verdicts.items():
        console.print(f"[{terminal.STYLES[arm]}]{arm}[/] {verdict.sentence}", soft_wrap=True)
    console.print(f"The report: {options.reports / PAGE}", soft_wrap=True)
    console.print(f"A picture for a slide: {options.reports / MEMORY_PICTURE}", soft_wrap=True)
    if failure:
        return FAILED
    for line in outcome.words(result, twin, options.seconds, stage.rate):
        console.print(line, soft_wrap=True, highlight=twin.is_headline)
    if stage.locust_status() == UNEXPECTED_ANSWERS:
        log = options.reports / "locust.log"
        console.print(f"[bold red]But most requests were not answered as the twin says; {log} lists how.[/]")
        return outcome.MISBEHAVED
    return outcome.status_of(result, twin)


def _table(stage: Stage, samples: list[Sample]) -> Table:
    options = stage.options
    elapsed = samples[-1].elapsed_s if samples else 0.0
    path = "factory" if stage.loaded and stage.loaded.is_headline else "fixed"
    phase = f"warming both up on the {path} path" if elapsed < options.warm_up else "measuring"
    end = f"of {options.seconds} s" if options.seconds else "s, until Ctrl-C"
    restarts = {arm.name: arm.restarts for arm in stage.arms}
    return terminal.table(samples, restarts, f"{elapsed:.0f} {end}: {phase}   {stage.page}")


@contextmanager
def interrupt_once() -> Iterator[None]:
    """Make the first SIGINT or SIGTERM a `KeyboardInterrupt`; later ones must not cut the clean-up short."""

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def handle(_: int, __: FrameType | None) -> None:
        ignore()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    try:
        yield
    finally:
        ignore()


if __name__ == "__main__":
    typer.run(main)
