"""`make cost`: what a request costs against the requests already served, with a reused error and with fresh ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from experiments.compare.cost_figures import (
    ArmWindow,
    Checkpoint,
    cost_json,
    line,
    ratio_table,
    summarise,
    table,
)
from experiments.compare.inside import read_pauses
from experiments.compare.turns import Lane, Part, PartResult, deal, play
from experiments.measurement import (
    Book,
    Say,
    describe_machine,
    free_bytes,
    progress,
    run_measurement,
    wrong_command,
)
from loadtest import ARMS
from loadtest.ports import free_ports
from loadtest.server import Server, running, service
from sadpath.files import write_whole
from sadpath.watch.run import versions_in_words

CHECKPOINTS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
FEWEST = 100
"""Requests served below which a window has too few requests to speak of."""

BYTES_PER_REQUEST = 22 * 1024
"""What the reused arm retains for each request, rounded up."""

BASE_BYTES = 200 * 2**20
"""What two services and Locust take besides."""

SPREAD = 1.25
"""A window begins at a checkpoint divided by this, and ends at the checkpoint times this.

Python collects its whole heap when that has grown by a quarter since the last time. So a window sees two such
collections, wherever they happen to fall; a shorter one would see none, or take one for the rule.
"""

NARROWEST = 500
"""Requests on each side of a checkpoint, for a 99th percentile with a tail of ten. Below, half of what was served."""

SLICES, SLICE_REQUESTS = 20, 250
"""A window is dealt out in at least so many slices, of at most so many requests."""

FILL_SLICE_REQUESTS = 1000


def cost(
    *,
    upto: Annotated[int, typer.Option(min=FEWEST, help="Last checkpoint, in requests already served.")] = 50_000,
    checkpoints: Annotated[
        str | None, typer.Option(help=f"Others than {','.join(map(str, CHECKPOINTS))}, separated by commas.")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Folder for cost.json and cost.png.")] = Path("reports"),
) -> int:
    """Measure what a request costs after many.

    CPU time and latency, with a reused error and with new ones.

    Two copies of the service answer the same requests in turn, slice by slice, so that a neighbour on the machine hits
    both. A checkpoint N is measured from 0.8 N to 1.25 N requests served, and over at least 1,000. Python collects its
    whole heap when it has grown by a quarter, so a window has one or two such collections: the mean CPU time includes
    them, and its interval is as wide as their number is uncertain. The figure between collections is that of the median
    slice, which no long collection falls into.

    Eight clients wait while the service is paused in GC, so a pause delays eight requests and hardly moves the p99. The
    maximum latency shows how long a pause is; `paused` is the share of time, and so how often a client that comes at
    any moment has to wait. The maximum is one observation, without an interval.

    A ratio whose interval contains 1 is inconclusive; the intervals describe this run, not the next. Takes about
    two minutes and 1.5 GB for 50,000 requests; the figures are written after each checkpoint. Exit status: 0 it
    was measured, 2 the command is wrong, or too little memory, 4 something did not start, or died, 130 interrupted.
    """
    plan = windows(_numbers(checkpoints) if checkpoints else up_to(upto))
    check_memory(plan, free_bytes())
    console, machine = Console(), describe_machine()
    book, drawn = Book(reports / "cost.json", machine, cost_json), reports / "cost.png"
    drawn.unlink(missing_ok=True)  # it would show other figures
    status = run_measurement("cost", lambda folder: measure(plan, folder, book, progress(console)), console)
    if book.rows:
        conclude(book.rows, drawn, versions_in_words(machine), console)
        console.print(f"Figures: {reports / 'cost.json'}\nPicture for a slide: {drawn}", soft_wrap=True)
    return status


def conclude(found: Sequence[Checkpoint], picture_file: Path, versions: str, console: Console) -> None:
    """Draw the picture, and show the figures."""
    from experiments.compare.cost_picture import picture  # noqa: PLC0415 - a second that a wrong command need not take

    write_whole(picture_file, picture(found, versions))
    console.print(table(found))
    console.print(ratio_table(found))


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise wrong_command(
            f"expected numbers separated by commas for --checkpoints, got {text!r}; try --checkpoints 1000,10000"
        ) from None


@dataclass(frozen=True)
class CostWindow:
    """The requests over which the cost at `checkpoint` is measured, counted from the start of the service."""

    checkpoint: int

    @property
    def first(self) -> int:
        """Requests served before the window."""
        return min(round(self.checkpoint / SPREAD), self.checkpoint - self._narrowest)

    @property
    def last(self) -> int:
        """Requests served at its end."""
        return max(round(self.checkpoint * SPREAD), self.checkpoint + self._narrowest)

    @property
    def slices(self) -> list[int]:
        """The requests of each of its slices."""
        return deal(self.last - self.first, max(SLICES, (self.last - self.first) // SLICE_REQUESTS))

    @property
    def _narrowest(self) -> int:
        return min(NARROWEST, self.checkpoint // 2)


def windows(checkpoints: Sequence[int]) -> list[CostWindow]:
    """Return a window per checkpoint, in order. Raises `CommandError` if two of them overlap or one is too early."""
    found = [CostWindow(checkpoint) for checkpoint in sorted(set(checkpoints))]
    if not found or found[0].checkpoint < FEWEST:
        raise wrong_command(f"a checkpoint needs at least {FEWEST} requests; try --checkpoints 1000,10000")
    for one, other in pairwise(found):
        if other.first < one.last:
            apart = f"{one.checkpoint} is measured until {one.last} and {other.checkpoint} from {other.first}"
            raise wrong_command(f"two checkpoints are too near: {apart}; leave one of them out of --checkpoints")
    return found


def up_to(most: int) -> list[int]:
    """Return the usual checkpoints below `most` that leave room for it, and `most`."""
    last = CostWindow(most)
    return [one for one in CHECKPOINTS if one < most and CostWindow(one).last <= last.first] + [most]


def memory_needed(plan: Sequence[CostWindow]) -> int:
    """Return the bytes that all processes take together at the end of the last window."""
    return BASE_BYTES + plan[-1].last * BYTES_PER_REQUEST


def check_memory(plan: Sequence[CostWindow], available: int) -> None:
    """Raise `CommandError`, with the option to set, if `available` bytes are not enough."""
    needed = memory_needed(plan)
    if needed <= available:
        return
    fitting = [one for one in CHECKPOINTS if memory_needed([CostWindow(one)]) <= available]
    advice = f"ask for fewer with --upto {fitting[-1]}" if fitting else "close something and try again"
    raise wrong_command(
        f"{plan[-1].last} requests need {needed // 2**20} MiB of memory and {available // 2**20} are free; {advice}"
    )


def measure(plan: Sequence[CostWindow], folder: Path, book: Book[Checkpoint], say: Say) -> None:
    """Bring two services to each checkpoint, measure a window there slice by slice, and put it into the book."""
    ports = free_ports(len(ARMS))
    servers = [_server(arm, port, folder, plan) for arm, port in zip(ARMS, ports, strict=True)]
    served = 0
    with running(*servers):
        lanes = [Lane(server.name, server) for server in servers]
        for window in plan:
            say(f"{served:,} requests served by each; on to {window.first:,}, then measuring until {window.last:,}")
            for left in range(window.first - served, 0, -FILL_SLICE_REQUESTS):
                _play_slice(lanes, min(FILL_SLICE_REQUESTS, left), left)
            began = time.monotonic()
            slices = [_play_slice(lanes, size, number) for number, size in enumerate(window.slices)]
            found = summarise(
                window.checkpoint,
                (window.first, window.last),
                {
                    arm: ArmWindow([one[arm] for one in slices], read_pauses(_pauses_of(arm, folder), began))
                    for arm in ARMS
                },
            )
            book.put(found)
            say("; ".join(map(line, found.arms)))
            served = window.last


def _play_slice(lanes: Sequence[Lane], requests: int, number: int) -> dict[str, PartResult]:
    """Send each arm the same number of requests; they take turns in who goes first."""
    parts = [Part(lane, f"/{lane.name}/users/42?context_kb=0", requests) for lane in lanes]
    return play(parts[:: -1 if number % 2 else 1], requests)


def _server(arm: str, port: int, folder: Path, plan: Sequence[CostWindow]) -> Server:
    settings = {
        "LAB_METRICS": "none",
        "LAB_MEMORY_LIMIT_MB": str(memory_needed(plan) // 2**20),
        "PYTHONHASHSEED": "0",  # another order in its tables makes a process faster or slower by itself
    }
    runner = ["-m", "experiments.compare.inside", "pauses", str(_pauses_of(arm, folder))]
    return service(arm, folder, port, runner=runner, **settings)


def _pauses_of(arm: str, folder: Path) -> Path:
    return folder / f"{arm}.pauses"
