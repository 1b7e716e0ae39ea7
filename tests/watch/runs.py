"""Samples of runs, and the files that they leave."""

from pathlib import Path

from sadpath.sources import Reading
from sadpath.watch.sample_file import Latency, Phase, Sample, SampleFile

MIB = 2**20


def samples(arm: str, slope: float, count: int = 30, started: float = 1.0, phase: Phase = "measured") -> list[Sample]:
    """One lifetime of an arm that retains `slope` bytes per request, at 200 requests a second."""
    return [
        Sample(
            float(second),
            arm,
            phase,
            Reading(
                resident_bytes=60 * MIB + slope * 200 * second,
                start_time_s=started,
                requests=200.0 * second,
                collected_objects=10.0 * second,
                traceback_entries=(slope > 0) * 3800.0 * second,
                entries_by_error={"user_not_found": 3800.0 * second} if slope > 0 else {},
            ),
            Latency(5.0, 10.0 + second),
        )
        for second in range(1, count + 1)
    ]


def leave(folder: Path, run: list[Sample]) -> None:
    file = SampleFile(folder / "samples.csv")
    for sample in run:
        file.append(sample)
    file.close()
