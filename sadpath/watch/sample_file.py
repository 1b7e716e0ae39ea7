"""Samples of a run, and the file that they are appended to as they come."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from sadpath.sources import Reading

Phase = Literal["warm-up", "measured"]


@dataclass(frozen=True)
class Latency:
    """Response times of one arm since the last sample, as the load generator saw them, in milliseconds."""

    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True)
class Sample:
    """What was read of one arm at one moment. In a missing sample `reading` is None and `missing` is the reason.

    `mark` is what somebody did to the arm since the sample before, such as "fix applied"; mostly nothing.
    """

    elapsed_s: float
    arm: str
    phase: Phase
    reading: Reading | None
    latency: Latency = Latency()
    missing: str = ""
    mark: str = ""


_READING = [field.name for field in fields(Reading) if field.name != "entries_by_error"]
_LATENCY = [field.name for field in fields(Latency)]
COLUMNS = ["elapsed_s", "arm", "phase", *_READING, "entries_by_error", *_LATENCY, "missing", "mark"]
HEADER = ",".join(COLUMNS).encode()
LARGEST = 2**63
"""Figures of a process, of a kernel or of a clock are below it."""

_ERRORS = COLUMNS.index("entries_by_error")


class SampleFile:
    """A CSV file that has each sample on disk before the next is taken, so a killed run loses at most the last one.

    Where a row cannot be written whole, as on a full disk, `OSError` is raised, and the file ends with the row before.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._file = path.open("xb", buffering=0)  # new, and no link that somebody else has laid
        self._size = 0
        self._write(COLUMNS)

    def append(self, sample: Sample) -> None:
        """Write one row. Raises `OSError`."""
        row = asdict(sample)
        row |= row.pop("reading") or {}
        row |= row.pop("latency")
        row["entries_by_error"] = json.dumps(row["entries_by_error"]) if row.get("entries_by_error") else ""
        row["missing"] = " ".join(sample.missing.split())  # one line, whatever it came from
        self._write(row.get(column, "") for column in COLUMNS)

    def close(self) -> None:
        """Close the file; what was appended is there already."""
        self._file.close()

    def _write(self, cells: Iterable[object]) -> None:
        """Write all of a row or, if that cannot be done, nothing of it."""
        text = io.StringIO()
        csv.writer(text).writerow(cells)
        row = text.getvalue().encode()
        try:
            written = 0
            while written < len(row):  # a disk that is nearly full takes a part
                written += self._file.write(row[written:]) or 0
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
            raise
        self._size += len(row)


class SampleReader:
    """Reads a file of samples while it grows. A row that is not complete yet, or was cut off by a kill, waits."""

    def __init__(self, path: Path) -> None:
        self.samples: list[Sample] = []
        self._path = path
        self._read = 0

    def exists(self) -> bool:
        """Whether there is a file to read yet."""
        return self._path.exists()

    def update(self) -> list[Sample]:
        """Read the rows that came since the last call, and return all.

        Raises `FileNotFoundError`, and `ValueError` for a file of something else.
        """
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        if not self._read and not new.startswith(HEADER[: len(new)]):
            raise ValueError(f"{self._path} is not a file of samples, or of another version of Sadpath")
        whole = new[: new.rfind(b"\n") + 1]
        try:
            rows = filter(None, csv.reader(io.StringIO(whole.decode(), newline="")))
            self.samples += map(_sample, rows if self._read else itertools.islice(rows, 1, None))
        except (ValueError, TypeError, RecursionError, csv.Error) as error:
            raise ValueError(f"{self._path} is damaged: {error}") from error
        self._read += len(whole)
        return self.samples


def read_samples(path: Path) -> list[Sample]:
    """Read a whole file of samples. Raises `FileNotFoundError`, and `ValueError` for a file of something else."""
    return SampleReader(path).update()


def _sample(cells: list[str]) -> Sample:
    """Return the sample of one row, cells in the order of `COLUMNS`. Raises `ValueError`."""
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} of {len(COLUMNS)} cells in a row")
    elapsed, arm, phase, resident, *figures = cells[:_ERRORS]
    errors, p50, p99, missing, mark = cells[_ERRORS:]
    rest = dict(zip(_READING[1:], map(_figure, figures), strict=True))
    return Sample(
        elapsed_s=_number(elapsed),
        arm=arm,
        phase="warm-up" if phase == "warm-up" else "measured",
        reading=Reading(_number(resident), **rest, entries_by_error=_retained(errors)) if resident else None,
        latency=Latency(_figure(p50), _figure(p99)),
        missing=missing,
        mark=mark,
    )


def _retained(cell: str) -> dict[str, float]:
    retained: Any = json.loads(cell) if cell else {}
    if not isinstance(retained, dict):
        raise TypeError(f"{cell[:20]} where retained entries by error are expected")
    return {error: _number(entries) for error, entries in retained.items()}


def _figure(cell: str) -> float | None:
    return _number(cell) if cell else None


def _number(cell: str) -> float:
    number = float(cell)
    if not abs(number) < LARGEST:  # nor is it, where it is no number
        raise ValueError(f"{cell} is no figure")
    return number
