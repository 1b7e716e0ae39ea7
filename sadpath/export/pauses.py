"""Measure how long the process is paused in GC, by generation."""

import gc
import time
from bisect import bisect_left

BOUNDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the histogram's buckets, in seconds; one more bucket takes what is longer."""


class Pauses:
    """A histogram of the pauses of one generation: `buckets[i]` counts those up to `BOUNDS[i]`, not cumulated."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class PauseRecorder:
    """Records the pauses in GC from `install()` to `remove()`.

    Takes no lock: a collection may start inside any allocation, also in one made while a metrics library holds its
    lock, and a callback that asked for that lock would wait for itself.
    """

    def __init__(self) -> None:
        self.generations: dict[int, Pauses] = {generation: Pauses() for generation in range(3)}
        self._started = 0.0

    def install(self) -> None:
        """Begin to record. Installing twice records once."""
        if self._on_collection not in gc.callbacks:
            gc.callbacks.append(self._on_collection)

    def remove(self) -> None:
        """Stop recording; what was recorded stays."""
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)

    def _on_collection(self, phase: str, info: "dict[str, int]") -> None:
        now = time.perf_counter()
        if phase == "start":
            self._started = now
        elif self._started:
            pauses = self.generations[info["generation"]]
            pauses.buckets[bisect_left(BOUNDS, now - self._started)] += 1
            pauses.seconds += now - self._started
