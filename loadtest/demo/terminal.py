"""What the demo shows in the terminal while it runs."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from sadpath.verdict.run import Run

STYLES = ("bold dark_orange3", "bold dodger_blue2")
"""The colours of the arms, as in the charts: the leaky one first."""

HEADINGS = ("arm", "memory", "growth", "retained entries", "requests", "p99", "restarts")
UNKNOWN = "–"


def table(run: Run, caption: str) -> Table:
    """Return the state of all arms as a table."""
    view = Table(caption=caption, caption_justify="left", caption_style="")
    for heading in HEADINGS:
        view.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=heading != "retained entries")
    for number, arm in enumerate(run.arms):
        view.add_row(Text(arm, STYLES[number % len(STYLES)]), *cells(run, arm))
    return view


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
