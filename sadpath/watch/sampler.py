"""Sample each watched service while a load runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sadpath.sources import Source, Unreadable
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Latency, Phase, Sample, SampleFile

LatencyOf = Callable[[str], Latency]

logger = logging.getLogger("sadpath")


class Sampler:
    """Takes the samples of one run: into `run`, and into the file at `path` as they come.

    `latency_of` returns an arm's response times since it was last asked. In the first `warm_up_s` seconds the load only
    warms the arms up. `unsaved` is why no more samples are saved, empty while they are: where one cannot be written the
    file ends, so that it has no gap, and the log has one line for it.
    """

    def __init__(self, sources: Mapping[str, Source], path: Path, warm_up_s: float, latency_of: LatencyOf) -> None:
        self.run = Run()
        self.unsaved = ""
        self._sources = sources
        self._path = path
        self._file = SampleFile(path)
        self._warm_up_s = warm_up_s
        self._latency_of = latency_of
        self._marks: dict[str, list[str]] = {}
        self._started = time.monotonic()

    @property
    def arms(self) -> list[str]:
        """The names of the watched services."""
        return list(self._sources)

    @property
    def phase(self) -> Phase:
        """Whether the arms are still being warmed up."""
        return "warm-up" if time.monotonic() - self._started < self._warm_up_s else "measured"

    def start(self) -> None:
        """Begin the run's clock."""
        self._started = time.monotonic()

    def mark(self, words: str, arms: Iterable[str]) -> None:
        """Remember what was done to these arms: the next sample of each has it, and its time."""
        for arm in arms:
            self._marks.setdefault(arm, []).append(words)

    def sample(self, arm: str) -> Sample:
        """Take one sample of one arm. A source that returns no reading makes a missing sample, with the reason."""
        reading, missing = None, ""
        phase = self.phase
        try:
            reading = self._sources[arm].read()
        except Unreadable as reason:
            missing = str(reason)
        elapsed = round(time.monotonic() - self._started, 3)
        mark = "; ".join(self._marks.pop(arm, []))
        sample = Sample(elapsed, arm, phase, reading, self._latency_of(arm), missing, mark)
        self.run.add(sample)
        self._save(sample)
        return sample

    def close(self) -> None:
        """Close the file; what was appended is on disk already."""
        self._file.close()

    def _save(self, sample: Sample) -> None:
        if self.unsaved:
            return
        try:
            self._file.append(sample)
        except OSError as error:
            self.unsaved = f"{self._path}: {error.strerror}"
            logger.error("no more samples are saved: %s", self.unsaved)  # noqa: TRY400 - one line
