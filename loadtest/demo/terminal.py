"""What the demo shows in the terminal while it runs."""

from __future__ import annotations

from itertools import cycle

from rich.table import Table
from rich.text import Text

from loadtest.measure.terminal_table import terminal_table
from sadpath.watch.run import Run

STYLES = ("bold dark_orange3", "bold dodger_blue2")
"""The colours of the arms, as in the charts: the leaky one first."""

HEADINGS = ("arm", "memory", "growth", "retained entries", "requests", "p99 now", "restarts")
UNKNOWN = "–"


def table(run: Run, caption: str) -> Table:
    """Return the state of all arms as a table."""
    arms = zip(cycle(STYLES), run.arms, strict=False)
    rows: list[list[str | Text]] = [[Text(arm, style), *cells(run, arm)] for style, arm in arms]
    return terminal_table(HEADINGS, rows, caption)


def line(run: Run) -> str:
    """Return the state of all arms as one line, for an output that is not a terminal."""
    parts = []
    for arm in run.arms:
        memory, growth, entries, requests, p99, _ = cells(run, arm)
        parts.append(f"{arm} {memory} ({growth}), {entries} retained entries, {requests} requests, p99 {p99}")
    return "; ".join(parts)


def cells(run: Run, arm: str) -> list[str]:
    """Return the figures of one arm as text, as in `HEADINGS`: growth is within the current process lifetime.

    Restarts are counted as the verdict counts them: by the process lifetimes that were sampled.
    """
    if not run.lifetimes[arm]:
        return [UNKNOWN] * (len(HEADINGS) - 1)
    lifetime = run.lifetimes[arm][-1]
    first, last = lifetime.first, lifetime.last
    times = (sample.latency.p99_ms for sample in reversed(lifetime.samples))
    p99 = next((time for time in times if time is not None), None)
    return [
        f"{last.memory_bytes / 2**20:,.0f} MiB",
        f"{(last.memory_bytes - first.memory_bytes) / 2**20:+,.0f} MiB",
        _count(last.traceback_entries),
        _count(last.requests),
        UNKNOWN if p99 is None else f"{p99:,.0f} ms",
        str(run.restarts(arm)),
    ]


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"
