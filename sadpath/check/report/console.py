"""A check for a terminal: what happens while it runs; then a table, worst first, and a block for each leak."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sadpath.check.events import Ended, Estimated, Event, PathsDecided, RoundDone
from sadpath.check.result import Cause, CauseKind, Check, PathResult, RaiseSite
from sadpath.text import terminal

COLOURS = {"leaks": "bold red", "flat": "green", "inconclusive": "yellow"}
SHOWN = {"inconclusive": 50, "flat": 30}
"""Rows of a terminal's table, above which it says how many more there are. Leaks are all shown."""


NAMED = 5
"""Error paths that are named of those that one stands for."""

LAST_SHOWN = 12
"""Decided paths of which the live display shows a line: the newest."""


class Progress:
    """Shows what is measured, decided and left: live in a terminal, as a line for each decided path in a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, refresh_per_second=4) if console.is_terminal else None
        self._decided: list[Text] = []

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def handle(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, PathsDecided):
            self._add(*_decided_lines(event))
        elif isinstance(event, Estimated):
            self._add(_line(event.line))
        elif isinstance(event, RoundDone) and self._live:
            self._live.update(Group(*self._decided[-LAST_SHOWN:], _line(_standing_line(event), "dim")))

    def _add(self, *lines: Text) -> None:
        self._decided += lines
        for line in () if self._live else lines:
            self._console.print(line, soft_wrap=True)


class Result:
    """Prints the result, once the check has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def handle(self, event: Event) -> None:
        """Print the result at the end."""
        if isinstance(event, Ended):
            print_check(event.check, self._console)


def _decided_lines(event: PathsDecided) -> Iterator[Text]:
    """Yield a line for each path; one for all that were found to be flat together."""
    is_group = event.paths[0].verdict.together > 1
    for one in event.paths[:1] if is_group else event.paths:
        verdict = one.verdict
        others = ", other inputs each time" if one.distinct else ""
        name = f"{len(event.paths):,} error paths{others}" if is_group else f"{one.path.name}{others}"
        is_levelled = verdict.outcome == "flat" and verdict.ci95[1] >= verdict.flat_below
        words = verdict.reason if verdict.outcome == "inconclusive" or is_levelled else verdict.figures
        yield Text.assemble((f"{verdict.outcome:<13}", COLOURS[verdict.outcome]), terminal(f"{name}: {words}"))


def _standing_line(event: RoundDone) -> str:
    now = event.standing
    return (
        f"{now.decided} of {now.paths} error paths decided, {now.requests:,} requests, {now.seconds_left:.0f} s left; "
        f"measuring {event.what}, round {event.rounds}"
    )


def print_check(check: Check, console: Console) -> None:
    """Print the whole result."""
    if check.results:
        console.print(table(check, console.width))
    for result in check.worst_first:
        if result.causes:
            console.print(block(result), soft_wrap=True)
    for line in (*service_lines(check), *closing_lines(check)):
        console.print(_line(line), soft_wrap=True)


def _line(words: str, style: str = "") -> Text:
    """Return words as they stand in a terminal, without a meaning to it, to rich or to a CI."""
    return Text(terminal(words), style)


PIPE_WIDTH = 200
"""Columns of what is not a terminal, so that a line is a line."""

WIDE = 120
"""Columns from which all figures have room."""


def table(check: Check, width: int = PIPE_WIDTH) -> Table:
    """Return the results as a table, worst first; a narrow one has the figures that matter most."""
    columns = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns.add_column("error path", overflow="fold")
    columns.add_column("verdict", no_wrap=True)
    headings = ("bytes/request", "entries/request", "95% CI", "cyclic objects/request", "ms, first to last")
    for heading in headings if width >= WIDE else headings[:2]:
        columns.add_column(heading, justify="right", no_wrap=True)
    for result in shown(check):
        columns.add_row(*list(_cells(result, check))[: len(columns.columns)])
    return columns


def shown(check: Check) -> list[PathResult]:
    """Return the results that a terminal shows: all leaks, and the first of the others."""
    ordered = check.worst_first
    kinds = {name: [one for one in ordered if one.verdict.outcome == name] for name in ("leaks", *SHOWN)}
    return [one for name, found in kinds.items() for one in found[: SHOWN.get(name)]]


def _cells(result: PathResult, check: Check) -> Iterator[str | Text]:
    verdict = result.verdict
    yield _line(result.path.title.replace("::", r":\x3a"))  # a long name is folded, and a CI reads the lines
    yield Text(verdict_name(result, check), COLOURS[verdict.outcome])
    yield figure(verdict.bytes_per_request)
    yield figure(verdict.traceback_entries_per_request, 1)
    low, high = verdict.ci95
    yield "–" if math.isnan(low) else f"{figure(low)} to {figure(high)}"
    yield figure(verdict.cyclic_objects_per_request, 1)
    has_both = result.first_ms is not None and result.last_ms is not None
    yield f"{result.first_ms:.1f} to {result.last_ms:.1f}" if has_both else "–"


def verdict_name(result: PathResult, check: Check) -> str:
    """Return a verdict, whether it was accepted, and of how many paths together its figures are."""
    accepted = " (accepted)" if result.path.name in check.accepted else ""
    together = f", {result.verdict.together:,} together" if result.verdict.together > 1 else ""
    return f"{result.verdict.outcome}{accepted}{together}"


def figure(value: float | None, digits: int = 0) -> str:
    """Return a figure with no more digits than it is known to, a dash where it is unknown."""
    if value is None or math.isnan(value):
        return "–"
    return f"{round(value, digits) + 0:,.{digits}f}"


def block(result: PathResult) -> RenderableType:
    """Return what is to blame for a leak, and what to change."""
    head = Text.assemble(
        (terminal(result.path.title), "bold"), "  ", (result.verdict.outcome, COLOURS[result.verdict.outcome])
    )
    lines: list[RenderableType] = [head, _line(f"  {result.verdict.figures}; {result.verdict.reason}")]
    lines += [_line(f"  {note}") for note in (*_suspects(result), *result.notes)]
    for cause in result.causes:
        lines += [_line(f"  {line}") for line in cause_lines(cause)]
    return Group(*lines, "")


def _suspects(result: PathResult) -> Iterator[str]:
    """Yield which error paths most likely leak as this one does."""
    others = result.path.stands_for
    if others and result.verdict.outcome == "leaks":
        rest = " and others" if len(others) > NAMED else ""
        yield f"refused in the same place, and likely to leak too: {', '.join(others[:NAMED])}{rest}"


def cause_lines(cause: Cause) -> Iterator[str]:
    """Yield a cause, a line for each fact that is known."""
    message = f": {cause.message}" if cause.message else ""
    yield f"{cause.kind}: {cause.type}{message}" if cause.type else cause.kind
    if cause.held_by:
        word = "closed by" if cause.kind is CauseKind.CYCLE else "held by"
        yield f"  {word} {cause.held_by}"
    if cause.traceback_entries:
        yield (
            f"  retains {cause.traceback_entries:,} traceback entries, about {cause.frames:,} frames and "
            f"{_size(cause.bytes)}"
        )
    yield from (f"  {detail}" for detail in cause.details)
    for site in cause.raised_at:
        yield f"  {'in' if cause.kind == 'reference cycle' else 'raised at'} {place(site)}"
        if site.source:
            yield f"      {site.source}"
    if cause.fix:
        yield f"  fix: {cause.fix}"


def service_lines(check: Check) -> Iterator[str]:
    """Yield what the service does without any request, a line for each fact; nothing where it does not grow."""
    if check.background:
        yield f"the service: {check.background.sentence}"
        yield from (f"  {line}" for cause in check.background.causes for line in cause_lines(cause))
        yield ""


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count >= 2**20 else f"{count / 2**10:,.0f} KiB"


def place(site: RaiseSite) -> str:
    """Return where a raise site is, as an editor opens it."""
    times = f", {site.raises:,} of the newest raises" if site.raises > 1 else ""
    return f"{short_path(site.file)}:{site.line} in {site.function}{times}"


def short_path(file: str) -> str:
    """Return a path as one would type it here."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):  # of another folder, or of ours where that was removed
        return file


def closing_lines(check: Check) -> Iterator[str]:
    """Yield the notes, and what was decided in one line."""
    hidden = len(check.results) - len(shown(check))
    if hidden:
        yield f"and {hidden:,} more paths; --json FILE has all"
    yield from (f"accepted, and may have changed data: {name}" for name in check.accepted_writes)
    yield from (f"note: {note}" for note in check.notes)
    if check.no_probe:
        yield f"note: measured from outside, without a cause: {check.no_probe}"
    if check.ended_early:
        yield f"ended early: {check.ended_early}"
    versions = ", ".join(f"{name} {version}" for name, version in check.environment.items() if version)
    measured = f"{check.requests:,} requests in {check.seconds:.0f} s"
    yield f"{summary_line(check)} ({measured}; {versions or 'versions unknown'})"


def summary_line(check: Check) -> str:
    """Return how many paths leak, are inconclusive, and are flat."""
    outcomes = [one.verdict.outcome for one in check.results]
    counts = {"leak": outcomes.count("leaks"), "inconclusive": outcomes.count("inconclusive")}
    counts["flat"] = outcomes.count("flat")
    words = [f"{count} {_verb(name, count)}" for name, count in counts.items() if count]
    paths = f"{len(outcomes):,} error path{'s' * (len(outcomes) != 1)}"
    return f"{paths}: {', '.join(words)}" if words else "no error path was measured"


def _verb(name: str, count: int) -> str:
    return "leaks" if name == "leak" and count == 1 else name
