from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from sadpath.sources import Reading, Unreadable
from sadpath.verdict.samples import Latency, Sample, read_samples
from sadpath.verdict.sampling import WARM_UP_REQUESTS, Sampler, judge_samples


class Recorded:
    """A source that gives back what was once read, in order."""

    def __init__(self, *readings: Reading | Unreadable) -> None:
        self._readings = iter(readings)

    def read(self) -> Reading:
        """Give the next reading, or raise the next gap."""
        reading = next(self._readings)
        if isinstance(reading, Unreadable):
            raise reading
        return reading


def reading(step: int, slope: float = 0.0, start_time_s: float = 1.0) -> Reading:
    """Return what a process has a number of hundred requests after its own warm-up, at some bytes kept a request."""
    requests = WARM_UP_REQUESTS + 100.0 * step
    return Reading(1e8 + slope * requests, start_time_s=start_time_s, requests=requests)


def measured(readings: Iterable[Reading | None], arm: str = "reused") -> list[Sample]:
    """Return measured samples, one a second; None is a gap."""
    return [Sample(second, arm, "measured", one) for second, one in enumerate(readings)]


def take(sources: Sequence[Reading | Unreadable], path: Path, warm_up_s: float = 0.0) -> list[Sample]:
    """Sample one arm as often as `sources` has something to say."""
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


def test_a_source_that_cannot_be_read_makes_a_gap(tmp_path: Path) -> None:
    """A reading that could not be had is a gap that says why, and the run goes on."""
    samples = take([reading(1), Unreadable("timed out"), reading(2)], tmp_path / "samples.csv")
    assert [sample.reading for sample in samples] == [reading(1), None, reading(2)]
    assert [sample.missing for sample in samples] == ["", "timed out", ""]


def test_a_gap_is_in_the_file_too(tmp_path: Path) -> None:
    """What the run keeps in memory is what its file gives back, gaps included."""
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
    """A sample within the warm-up says so, and one after it is measured."""
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


def test_a_leaking_arm_is_told_from_a_flat_one() -> None:
    """Each arm is judged by its own samples, in the order in which they came in."""
    verdicts = judge_samples(
        measured(reading(step, slope=2_000) for step in range(20)) + measured(map(reading, range(20)), arm="factory")
    )
    assert {arm: verdict.outcome for arm, verdict in verdicts.items()} == {"reused": "leaks", "factory": "flat"}
    assert verdicts["reused"].bytes_per_request == pytest.approx(2_000)


def test_warm_up_samples_are_not_judged() -> None:
    """Memory that grew while the arms were warmed up counts for nothing."""
    growing = [Sample(step, "reused", "warm-up", reading(step, slope=9_999)) for step in range(20)]
    assert judge_samples(growing)["reused"].samples == 0
    assert judge_samples(growing + measured(map(reading, range(20, 40))))["reused"].outcome == "flat"


def test_the_first_requests_of_a_life_are_not_judged() -> None:
    """Samples before the first requests of a process are done are left out: its caches fill."""
    filling = [Reading(1e6 * served, start_time_s=1.0, requests=served) for served in range(0, WARM_UP_REQUESTS, 10)]
    verdict = judge_samples(measured([*filling, *map(reading, range(20))]))["reused"]
    assert (verdict.outcome, verdict.samples) == ("flat", 20)


def test_a_restart_is_reported_and_not_joined() -> None:
    """Two flat lifetimes, the second on a higher level, are flat, and the restart is told."""
    first = [reading(step, start_time_s=1.0) for step in range(20)]
    second = [Reading(3e8, start_time_s=2.0, requests=one.requests) for one in first]
    verdict = judge_samples(measured([*first, *second]))["reused"]
    assert (verdict.outcome, verdict.restarts, verdict.samples) == ("flat", 1, 40)


def test_gaps_do_not_change_a_verdict() -> None:
    """A gap is never a zero: a flat arm that could not be read now and then is flat."""
    readings = [reading(step) if step % 3 else None for step in range(30)]
    verdict = judge_samples(measured(readings))["reused"]
    assert (verdict.outcome, verdict.bytes_per_request, verdict.samples) == ("flat", 0, 20)


def test_an_arm_that_never_answered_is_inconclusive() -> None:
    """An arm of which there are gaps only still has its verdict: inconclusive."""
    assert judge_samples(measured([None] * 50))["reused"].outcome == "inconclusive"


def test_memory_without_requests_is_inconclusive() -> None:
    """Growth against no known number of requests is inconclusive, however steep."""
    growing = [Reading(1e8 + 1e6 * step, start_time_s=1.0) for step in range(50)]
    assert judge_samples(measured(growing))["reused"].outcome == "inconclusive"


def test_unique_memory_is_judged_where_there_is_one() -> None:
    """Resident memory that grows counts for nothing where the anonymous memory is known to be flat."""
    shared = [Reading(1e8 + 1e6 * step, 5e7, start_time_s=1.0, requests=300.0 + 100 * step) for step in range(20)]
    assert judge_samples(measured(shared))["reused"].outcome == "flat"


def test_a_series_that_was_not_sampled_throughout_is_left_out() -> None:
    """A traceback that was seen in some readings only is no evidence, and memory decides."""
    seen_once = [Reading(1e8, None, None, 1.0, 300.0 + 100 * step, None, 5e3 if step else None) for step in range(20)]
    verdict = judge_samples(measured(seen_once))["reused"]
    assert (verdict.outcome, verdict.traceback_entries_per_request) == ("flat", None)


def test_nothing_sampled_is_no_verdict() -> None:
    """Without samples there is no arm to judge."""
    assert judge_samples([]) == {}
