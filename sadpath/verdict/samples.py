"""Samples of a run, and the file that they are appended to as they come."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, TextIO

from sadpath.sources import Reading

Phase = Literal["warm-up", "measured"]


@dataclass(frozen=True)
class Latency:
    """Response times of one arm since the last sample, as the load generator saw them, in milliseconds."""

    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True)
class Sample:
    """One look at one arm. Where there was nothing to read, `reading` is None and `missing` says why."""

    elapsed_s: float
    arm: str
    phase: Phase
    reading: Reading | None
    latency: Latency = Latency()
    missing: str = ""


_READING = [field.name for field in fields(Reading)]
_LATENCY = [field.name for field in fields(Latency)]
COLUMNS = ["elapsed_s", "arm", "phase", *_READING, *_LATENCY, "missing"]
HEADER = ",".join(COLUMNS).encode()


class SampleFile:
    """A CSV file that has each sample on disk before the next is taken, so a killed run loses at most the last one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.DictWriter(self._file, COLUMNS)
        self._rows.writeheader()
        self._file.flush()

    def append(self, sample: Sample) -> None:
        """Write one row."""
        row = asdict(sample)
        row |= row.pop("reading") or {}
        row |= row.pop("latency")
        row["missing"] = " ".join(sample.missing.split())  # one line, whatever it came from
        self._rows.writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Close the file; what was appended is there already."""
        self._file.close()


class SampleReader:
    """Reads a file of samples while it grows. A row that is not whole yet, or was cut off by a kill, waits."""

    def __init__(self, path: Path) -> None:
        self.samples: list[Sample] = []
        self._path = path
        self._read = 0

    def exists(self) -> bool:
        """Whether there is a file to read yet."""
        return self._path.exists()

    def update(self) -> list[Sample]:
        """Read the rows that came since the last call, and return all. Raises `FileNotFoundError`."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        if not self._read and not new.startswith(HEADER[: len(new)]):
            raise ValueError(f"{self._path} is no file of samples")
        whole = new[: new.rfind(b"\n") + 1]
        lines = whole.decode().splitlines()
        self.samples += map(_sample, csv.DictReader(lines if self._read else lines[1:], COLUMNS))
        self._read += len(whole)
        return self.samples


def read_samples(path: Path) -> list[Sample]:
    """Read a whole file of samples. Raises `FileNotFoundError`, and `ValueError` for a file of something else."""
    return SampleReader(path).update()


def by_arm(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Return the samples of each arm, the arms in the order of their first sample."""
    arms: dict[str, list[Sample]] = {}
    for sample in samples:
        arms.setdefault(sample.arm, []).append(sample)
    return arms


def lifetimes(samples: Sequence[Sample]) -> Iterator[list[Reading]]:
    """Split the readings of one arm into the lifetimes of its process, in order. Two lifetimes are never joined."""
    lifetime: list[Reading] = []
    for reading in (sample.reading for sample in samples if sample.reading):
        if lifetime and is_another_lifetime(lifetime[-1], reading):
            yield lifetime
            lifetime = []
        lifetime.append(reading)
    if lifetime:
        yield lifetime


def is_another_lifetime(last: Reading, reading: Reading) -> bool:
    """Whether the process was started again: by its start time or, where a page names none, by fallen requests."""
    if reading.start_time_s is not None and last.start_time_s is not None:
        return reading.start_time_s != last.start_time_s
    return (reading.requests or 0) < (last.requests or 0)


def _sample(row: dict[str, str]) -> Sample:
    figures = {name: float(row[name]) if row[name] else None for name in _READING + _LATENCY}
    resident = figures["resident_bytes"]
    return Sample(
        elapsed_s=float(row["elapsed_s"]),
        arm=row["arm"],
        phase="warm-up" if row["phase"] == "warm-up" else "measured",
        reading=None if resident is None else Reading(resident, *(figures[name] for name in _READING[1:])),
        latency=Latency(*(figures[name] for name in _LATENCY)),
        missing=row["missing"],
    )
