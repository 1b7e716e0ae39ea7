"""What the demo shows in the terminal while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from sadpath.verdict.run import Run
from sadpath.verdict.samples import Sample

STYLES = {"reused": "bold dark_orange3", "factory": "bold dodger_blue2"}


def table(samples: Sequence[Sample], restarts: Mapping[str, Sequence[str]], caption: str) -> Table:
    """Return the state of all arms as a table."""
    view = Table(caption=caption, caption_justify="left", caption_style="")
    for heading in ("arm", "memory", "grown by", "entries retained", "requests", "p99", "restarts"):
        view.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=True)
    for arm, ours in _by_arm(samples).items():
        view.add_row(Text(arm, STYLES.get(arm, "bold")), *cells(ours), str(len(restarts.get(arm, ()))))
    return view


def line(samples: Sequence[Sample]) -> str:
    """Return the state of all arms as one line, for an output that is not a terminal."""
    parts = []
    for arm, ours in _by_arm(samples).items():
        memory, grown, entries, requests, p99 = cells(ours)
        parts.append(f"{arm} {memory} ({grown}), {entries} entries, {requests} requests, p99 {p99}")
    return "; ".join(parts)


def cells(samples: Sequence[Sample]) -> list[str]:
    """Return the figures of one arm as text: memory, its growth in this lifetime, entries retained, requests, p99."""
    readings = [sample.reading for sample in samples if sample.reading]
    if not readings:
        return ["–"] * 5
    last = readings[-1]
    first = next(reading for reading in readings if reading.start_time_s == last.start_time_s)
    p99 = next((sample.latency.p99_ms for sample in reversed(samples) if sample.latency.p99_ms is not None), None)
    return [
        f"{last.memory_bytes / 2**20:,.0f} MiB",
        f"{(last.memory_bytes - first.memory_bytes) / 2**20:+,.0f} MiB",
        _count(last.traceback_entries),
        _count(last.requests),
        "–" if p99 is None else f"{p99:,.0f} ms",
    ]


def _by_arm(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    lifetimes = Run(list(samples)).lifetimes
    return {arm: [sample for one in ours for sample in one.samples] for arm, ours in lifetimes.items()}


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
