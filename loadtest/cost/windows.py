"""Where the cost is measured: windows of requests around each checkpoint, and the memory that getting there takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from loadtest.measure.running import wrong_command

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


@dataclass(frozen=True)
class Window:
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


def deal(requests: int, slices: int) -> list[int]:
    """Deal `requests` out to `slices` as evenly as it goes."""
    share, rest = divmod(requests, slices)
    return [share + (number < rest) for number in range(slices)]


def windows(checkpoints: Sequence[int]) -> list[Window]:
    """Return a window per checkpoint, in order. Raises `CommandError` if two of them overlap or one is too early."""
    found = [Window(checkpoint) for checkpoint in sorted(set(checkpoints))]
    if not found or found[0].checkpoint < FEWEST:
        raise wrong_command(f"a checkpoint needs at least {FEWEST} requests; try --checkpoints 1000,10000")
    for one, other in pairwise(found):
        if other.first < one.last:
            apart = f"{one.checkpoint} is measured until {one.last} and {other.checkpoint} from {other.first}"
            raise wrong_command(f"two checkpoints are too near: {apart}; leave one of them out of --checkpoints")
    return found


def up_to(most: int) -> list[int]:
    """Return the usual checkpoints below `most` that leave room for it, and `most`."""
    last = Window(most)
    return [one for one in CHECKPOINTS if one < most and Window(one).last <= last.first] + [most]


def memory_needed(plan: Sequence[Window]) -> int:
    """Return the bytes that all processes take together at the end of the last window."""
    return BASE_BYTES + plan[-1].last * BYTES_PER_REQUEST


def check_memory(plan: Sequence[Window], available: int) -> None:
    """Raise `CommandError`, with the option to set, if `available` bytes are not enough."""
    needed = memory_needed(plan)
    if needed <= available:
        return
    fitting = [one for one in CHECKPOINTS if memory_needed([Window(one)]) <= available]
    advice = f"ask for fewer with --upto {fitting[-1]}" if fitting else "close something and try again"
    raise wrong_command(
        f"{plan[-1].last} requests need {_mib(needed)} MiB of memory and {_mib(available)} are free; {advice}"
    )


def _mib(size: int) -> int:
    return size // 2**20
