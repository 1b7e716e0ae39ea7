"""A service that is checked: its processes, its probes, and its memory as it is seen from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sadpath.check.service.probes import Probes, Snapshot
from sadpath.check.service.reached import stranger
from sadpath.connection import Ends
from sadpath.lifeline import Child
from sadpath.sources import Source, SourceSpec, Unreadable, source_of

LOOK_AGAIN_S = 0.05
STARTS_WITHIN_S = 60.0


@dataclass(frozen=True)
class TargetSpec:
    """Which service is checked: what was typed, and the options that say more of it."""

    words: tuple[str, ...]
    url: str = ""
    source: SourceSpec = field(default_factory=SourceSpec)
    i_own_this_host: bool = False
    starts_within_s: float = STARTS_WITHIN_S
    log: Path | None = None


@dataclass
class Target:
    """A service that is checked. `probes` is None where none answers, and `why_no_probe` says why, in one line."""

    name: str
    url: str
    process: psutil.Process | None = None
    probes: Probes | None = None
    why_no_probe: str = ""
    child: Child | None = None
    source: Source | None = None
    seen: set[psutil.Process] = field(default_factory=set)

    def tree(self) -> list[psutil.Process]:
        """Return its processes that run, as far as they are known."""
        with suppress(psutil.Error):
            if self.process:
                self.seen |= {self.process, *self.process.children(recursive=True)}
        return [process for process in self.seen if process.is_running()]

    def stranger(self, connections: Collection[Ends]) -> str | None:
        """Return who else takes requests on these connections; None for nobody, or where it cannot be known."""
        return stranger(self.tree, connections) if self.process else None

    def settle(self, *, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Return what its processes have left: by their probes, after a collection, or else as read from outside.

        Raises `NoAnswer`, or from outside `Unreadable`.
        """
        if self.probes:
            return self.probes.settle(begins_round=begins_round, watched_s=watched_s)
        if self.source is None:
            if self.process is None:
                raise Unreadable("nothing is known of its processes")
            self.source = source_of(SourceSpec(pid=self.process.pid))
        reading = self.source.read()
        return Snapshot((reading.start_time_s or 0.0,), max(len(self.tree()), 1), None, reading.memory_bytes)

    def resident_bytes(self) -> int:
        """Return the resident memory of all its processes."""
        total = 0
        for process in self.tree():
            with suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def why_it_ended(self, patience_s: float = 0.0) -> str | None:
        """Return why it does not run any more, in one line; None while it runs, or where we cannot know.

        A process that ends refuses connections before its status is known: `patience_s` is how long to wait for that.
        """
        wait_until(lambda: self._why_it_ended() is not None, patience_s)
        return self._why_it_ended()

    def _why_it_ended(self) -> str | None:
        if self.child is not None:
            status = self.child.status()
            return None if status is None else f"it ended with status {status}: {self.child.last_line() or 'no output'}"
        if self.process is not None and not self.process.is_running():
            return "its process has ended"
        return None


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; returns False if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True
