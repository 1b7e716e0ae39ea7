from collections.abc import Sequence
from pathlib import Path

import pytest

from sadpath.sources import Reading, Unreadable
from sadpath.watch.sample_file import Latency, Sample, read_samples
from sadpath.watch.sampler import Sampler
from tests.file_size import limited_file_size


class Recorded:
    """A source that returns what was once read, in order."""

    def __init__(self, *readings: Reading | Unreadable) -> None:
        self._readings = iter(readings)

    def read(self) -> Reading:
        """Return the next reading, or raise the next reason for a missing sample."""
        reading = next(self._readings)
        if isinstance(reading, Unreadable):
            raise reading
        return reading


def reading(step: int) -> Reading:
    """Return the reading of a process that served so many hundred requests."""
    return Reading(1e8, start_time_s=1.0, requests=100.0 * step)


def take(sources: Sequence[Reading | Unreadable], path: Path, warm_up_s: float = 0.0) -> list[Sample]:
    """Sample one arm as often as there are readings."""
    sampler = Sampler({"reused": Recorded(*sources)}, path, warm_up_s, lambda _: Latency())
    samples = [sampler.sample("reused") for _ in sources]
    sampler.close()
    return samples


def test_a_sample_has_what_the_source_read(tmp_path: Path) -> None:
    """A sample carries its arm, the reading and the response times since the last one."""
    sampler = Sampler(
        {"reused": Recorded(reading(1))}, tmp_path / "samples.csv", 0.0, lambda arm: Latency(len(arm), 99.0)
    )
    sample = sampler.sample("reused")
    sampler.close()
    assert (sample.arm, sample.reading, sample.latency, sample.missing) == ("reused", reading(1), Latency(6, 99.0), "")


def test_a_source_that_cannot_be_read_makes_a_missing_sample(tmp_path: Path) -> None:
    """A reading that failed is a missing sample, with the reason, and the run goes on."""
    samples = take([reading(1), Unreadable("timed out"), reading(2)], tmp_path / "samples.csv")
    assert [sample.reading for sample in samples] == [reading(1), None, reading(2)]
    assert [sample.missing for sample in samples] == ["", "timed out", ""]


def test_what_was_done_is_in_the_next_sample_of_each_arm(tmp_path: Path) -> None:
    """Once, and together with what else was done since the sample before; also in one that is missing."""
    sources = {"reused": Recorded(reading(1), reading(2)), "factory": Recorded(Unreadable("timed out"), reading(1))}
    sampler = Sampler(sources, tmp_path / "samples.csv", 0.0, lambda _: Latency())
    sampler.mark("fix applied", ["reused"])
    sampler.mark("released 40 MiB", ["reused", "factory"])
    samples = [sampler.sample(arm) for arm in ("reused", "factory") * 2]
    sampler.close()
    assert [one.mark for one in samples] == ["fix applied; released 40 MiB", "released 40 MiB", "", ""]
    assert sampler.run.marked == samples[:2]
    assert read_samples(tmp_path / "samples.csv") == samples


def test_a_missing_sample_is_in_the_file_too(tmp_path: Path) -> None:
    """What the run keeps in memory is what its file holds, missing samples included."""
    samples = take([reading(1), Unreadable('a "comma", say'), reading(2)], tmp_path / "samples.csv")
    assert read_samples(tmp_path / "samples.csv") == samples


def test_each_sample_is_on_disk_before_the_next(tmp_path: Path) -> None:
    """A run that is killed between two samples loses none."""
    sampler = Sampler({"reused": Recorded(*map(reading, range(3)))}, tmp_path / "samples.csv", 0.0, lambda _: Latency())
    on_disk = []
    for _ in range(3):
        sampler.sample("reused")
        on_disk.append(len(read_samples(tmp_path / "samples.csv")))
    sampler.close()
    assert on_disk == [1, 2, 3]


def test_the_arms_are_those_of_the_sources(tmp_path: Path) -> None:
    """The watched services have the names and the order that their sources were given in."""
    sampler = Sampler({"reused": Recorded(), "factory": Recorded()}, tmp_path / "samples.csv", 0.0, lambda _: Latency())
    sampler.close()
    assert sampler.arms == ["reused", "factory"]


def test_the_first_seconds_are_warm_up(tmp_path: Path) -> None:
    """A sample within the warm-up is marked as such, and one after it is measured."""
    (warming,) = take([reading(1)], tmp_path / "warming.csv", warm_up_s=1_000)
    (warm,) = take([reading(1)], tmp_path / "warm.csv", warm_up_s=0)
    assert (warming.phase, warm.phase) == ("warm-up", "measured")


def test_the_clock_begins_at_start(tmp_path: Path) -> None:
    """`start()` begins the run's clock anew, and time on it only grows."""
    sampler = Sampler({"reused": Recorded(*map(reading, range(4)))}, tmp_path / "s.csv", 0.0, lambda _: Latency())
    before = [sampler.sample("reused").elapsed_s for _ in range(2)]
    sampler.start()
    after = [sampler.sample("reused").elapsed_s for _ in range(2)]
    sampler.close()
    assert before == sorted(before)
    assert 0 <= after[0] <= after[1] < 60


def test_a_full_disk_loses_no_sample_that_was_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is on disk stays, whole. The run goes on, and says once that no more is saved, also if room comes back."""
    path = tmp_path / "samples.csv"
    sampler = Sampler({"reused": Recorded(*map(reading, range(4)))}, path, 0.0, lambda _: Latency())
    first = sampler.sample("reused")
    with limited_file_size(path.stat().st_size + 10):
        taken = [first, *(sampler.sample("reused") for _ in range(2))]
    taken.append(sampler.sample("reused"))
    sampler.close()
    assert (read_samples(path), sampler.run.samples) == ([first], taken)
    assert [record.message for record in caplog.records] == [f"no more samples are saved: {path}: File too large"]
    assert sampler.unsaved == f"{path}: File too large"
