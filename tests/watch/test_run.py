"""A run: split into arms and process lifetimes, and judged."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from sadpath.errors import Status
from sadpath.sources import Reading
from sadpath.verdict.verdict import Outcome, Verdict
from sadpath.watch.run import WARM_UP_REQUESTS, Conditions, Run, judge_run, read_conditions, write_conditions
from sadpath.watch.sample_file import Sample


def reading(step: int, slope: float = 0.0, start_time_s: float = 1.0) -> Reading:
    """Return what a process has so many hundred requests after its warm-up, at some bytes retained per request."""
    requests = WARM_UP_REQUESTS + 100.0 * step
    return Reading(1e8 + slope * requests, start_time_s=start_time_s, requests=requests)


def measured(readings: Iterable[Reading | None], arm: str = "reused") -> list[Sample]:
    """Return measured samples, one a second; None is a missing one."""
    return [
        Sample(second, arm, "measured", one, missing="timed out" * (not one)) for second, one in enumerate(readings)
    ]


def sample(start_time_s: float | None, requests: float) -> Sample:
    """Return a sample of a process by its start and the requests it has served."""
    return Sample(requests, "reused", "measured", Reading(1e8, start_time_s=start_time_s, requests=requests))


def verdicts_of(samples: list[Sample], conditions: Conditions | None = None) -> dict[str, Verdict]:
    return judge_run(Run(samples, conditions or Conditions())).verdicts


def split(samples: list[Sample]) -> list[list[float | None]]:
    """Return the requests of each lifetime of the arm."""
    return [[one.requests for one in lifetime.readings()] for lifetime in Run(samples).lifetimes["reused"]]


def test_arms_keep_the_order_of_their_first_sample() -> None:
    """Arms come in the order in which they were first sampled, each with its own samples in theirs."""
    run = Run([Sample(second, arm, "measured", reading(second)) for second, arm in enumerate("bacab")])
    assert run.arms == ["b", "a", "c"]
    assert [one.elapsed_s for one in run.lifetimes["a"][0].samples] == [1, 3]


def test_another_start_time_is_another_lifetime() -> None:
    """Readings with another start time are never joined with those before, and the requests before are known."""
    samples = [sample(start, requests) for start, requests in [(1, 10), (1, 20), (2, 5), (2, 15), (3, 1)]]
    assert split(samples) == [[10, 20], [5, 15], [1]]
    assert [lifetime.served_before for lifetime in Run(samples).lifetimes["reused"]] == [0, 20, 35]


def test_a_missing_sample_does_not_end_a_lifetime() -> None:
    """It is left out of its lifetime, and does not split it."""
    run = [sample(1, 10), Sample(2.0, "reused", "measured", None, missing="timed out"), sample(1, 20)]
    assert split(run) == [[10, 20]]
    assert [one.missing for one in Run(run).missing] == ["timed out"]


def test_a_request_counter_that_falls_is_another_lifetime() -> None:
    """Where a page has no start time, a fallen count of requests shows the restart."""
    assert split([sample(None, requests) for requests in (10, 20, 5, 15)]) == [[10, 20], [5, 15]]


def test_an_arm_that_was_never_read_has_no_lifetime() -> None:
    """And no restarts."""
    run = Run(measured([None] * 3))
    assert (run.lifetimes, run.restarts("reused")) == ({"reused": []}, 0)


def test_a_run_that_grows_is_split_like_one_that_is_read() -> None:
    """Sample by sample, as the live page has it, or all at once, as a report has it."""
    samples = measured([*map(reading, range(5)), None, *(reading(step, start_time_s=2.0) for step in range(5))])
    growing = Run()
    for one in samples:
        growing.add(one)
    assert growing == Run(samples)


def test_the_rate_is_that_after_the_warm_up_without_the_time_of_a_restart() -> None:
    """A hundred requests a second, though the arm was gone for a minute."""
    warm_up = [Sample(second, "reused", "warm-up", reading(second)) for second in range(3)]
    before = [Sample(3.0 + step, "reused", "measured", reading(3 + step)) for step in range(5)]
    after = [Sample(67.0 + step, "reused", "measured", reading(step, start_time_s=2.0)) for step in range(5)]
    assert Run(warm_up + before + after).requests_per_second("reused") == pytest.approx(100)
    assert Run(measured([None])).requests_per_second("reused") is None


@pytest.mark.parametrize(
    ("outcomes", "outcome", "status"),
    [
        (["flat", "flat"], "flat", Status.OK),
        (["flat", "leaks"], "leaks", Status.LEAKS),
        (["inconclusive", "leaks"], "leaks", Status.LEAKS),
        (["inconclusive", "flat"], "inconclusive", Status.INCONCLUSIVE),
        ([], "inconclusive", Status.INCONCLUSIVE),
    ],
)
def test_a_run_leaks_if_an_arm_does_and_is_flat_only_if_all_are(
    outcomes: list[Outcome], outcome: Outcome, status: Status
) -> None:
    """One word for the run, and the exit status that belongs to it."""
    run = Run([], Conditions(), {str(number): Verdict(one, "") for number, one in enumerate(outcomes)})
    assert (run.outcome, run.status) == (outcome, status)


def test_inconclusive_may_be_allowed() -> None:
    """Then it ends with 0, and a leak still does not."""
    allowing = Conditions(allow_inconclusive=True)
    assert Run([], allowing, {"shop": Verdict("inconclusive", "")}).status == Status.OK
    assert Run([], allowing, {"shop": Verdict("leaks", "")}).status == Status.LEAKS


def test_conditions_come_back_as_they_were(tmp_path: Path) -> None:
    """And are unknown where there is no file, or a torn one."""
    conditions = Conditions(
        "2026-01-02T03:04:05+00:00", "0.1.0", "locust", "host", 40, {"shop": "http://s"}, 5.0, 100.0
    )
    write_conditions(tmp_path / "run.json", conditions)
    assert read_conditions(tmp_path / "run.json") == conditions
    (tmp_path / "run.json").write_text('{"started": "20')
    assert read_conditions(tmp_path / "run.json") == read_conditions(tmp_path / "nothing") == Conditions()


def test_a_leaking_arm_and_a_flat_one() -> None:
    """Each arm is judged by its own samples, in the order in which they came in."""
    verdicts = verdicts_of(
        measured(reading(step, slope=2_000) for step in range(20)) + measured(map(reading, range(20)), arm="factory")
    )
    assert {arm: verdict.outcome for arm, verdict in verdicts.items()} == {"reused": "leaks", "factory": "flat"}
    assert verdicts["reused"].bytes_per_request == pytest.approx(2_000)


def test_warm_up_samples_are_not_judged() -> None:
    """Memory that grew while the arms were warmed up counts for nothing."""
    growing = [Sample(step, "reused", "warm-up", reading(step, slope=9_999)) for step in range(20)]
    assert verdicts_of(growing)["reused"].samples == 0
    assert verdicts_of(growing + measured(map(reading, range(20, 40))))["reused"].outcome == "flat"


def test_the_first_requests_of_a_lifetime_are_not_judged() -> None:
    """Samples before the first requests of a process are done are left out: its caches fill."""
    filling = [Reading(1e6 * served, start_time_s=1.0, requests=served) for served in range(0, WARM_UP_REQUESTS, 10)]
    verdict = verdicts_of(measured([*filling, *map(reading, range(20))]))["reused"]
    assert (verdict.outcome, verdict.samples) == ("flat", 20)


def test_a_restart_is_reported_and_not_joined() -> None:
    """Two flat lifetimes, the second on a higher level, are flat, and the restart is counted."""
    first = [reading(step, start_time_s=1.0) for step in range(20)]
    second = [Reading(3e8, start_time_s=2.0, requests=one.requests) for one in first]
    verdict = verdicts_of(measured([*first, *second]))["reused"]
    assert (verdict.outcome, verdict.restarts, verdict.samples) == ("flat", 1, 40)


def test_a_restart_during_the_warm_up_is_counted() -> None:
    """Though the lifetime that ended then is not judged."""
    warm_up = [Sample(step, "reused", "warm-up", reading(step, start_time_s=1.0)) for step in range(3)]
    verdict = verdicts_of(warm_up + measured(reading(step, start_time_s=2.0) for step in range(20)))["reused"]
    assert (verdict.outcome, verdict.restarts, verdict.samples) == ("flat", 1, 20)


def test_missing_samples_do_not_change_a_verdict() -> None:
    """A missing sample is never a zero: a flat arm that could not be read now and then is flat."""
    readings = [reading(step) if step % 3 else None for step in range(30)]
    verdict = verdicts_of(measured(readings))["reused"]
    assert (verdict.outcome, verdict.bytes_per_request, verdict.samples) == ("flat", 0, 20)


def test_an_arm_that_never_answered_is_inconclusive() -> None:
    """An arm with missing samples only still has its verdict: inconclusive."""
    assert verdicts_of(measured([None] * 50))["reused"].outcome == "inconclusive"


def test_memory_without_requests_is_inconclusive() -> None:
    """Growth against no known number of requests is inconclusive, however steep."""
    growing = [Reading(1e8 + 1e6 * step, start_time_s=1.0) for step in range(50)]
    assert verdicts_of(measured(growing))["reused"].outcome == "inconclusive"


def test_anonymous_memory_is_judged_where_it_is_known() -> None:
    """Resident memory that grows counts for nothing where the anonymous memory is known to be flat."""
    shared = [Reading(1e8 + 1e6 * step, 5e7, start_time_s=1.0, requests=300.0 + 100 * step) for step in range(20)]
    assert verdicts_of(measured(shared))["reused"].outcome == "flat"


def test_a_series_that_was_not_sampled_throughout_is_left_out() -> None:
    """A traceback that was seen in some readings only is not evidence, and memory decides."""
    seen_once = [Reading(1e8, None, None, 1.0, 300.0 + 100 * step, None, 5e3 if step else None) for step in range(20)]
    verdict = verdicts_of(measured(seen_once))["reused"]
    assert (verdict.outcome, verdict.traceback_entries_per_request) == ("flat", None)


def test_without_samples_there_is_no_verdict() -> None:
    """There is no arm to judge."""
    assert verdicts_of([]) == {}


def test_growth_below_the_threshold_of_the_run_is_flat() -> None:
    """The threshold is the run's own."""
    growing = measured(reading(step, slope=1_000) for step in range(20))
    assert verdicts_of(growing)["reused"].outcome == "leaks"
    assert verdicts_of(growing, Conditions(bytes_per_request=2_000))["reused"].outcome == "flat"


def test_what_was_missing_for_a_verdict_is_said() -> None:
    """How much, after which warm-up, why, and what to do."""
    gone = [replace(one, missing="404 from http://shop/metrics") for one in measured([None] * 3)]
    assert verdicts_of(gone, Conditions(warm_up_s=5.0))["reused"].reason == (
        "not enough data after the 5 s warm-up: 0 of 8 samples, 0 of 300 requests; "
        "the last scrape failed: 404 from http://shop/metrics; fix the URL, or run for at least 30 s"
    )
    short = verdicts_of(measured(map(reading, range(6))))["reused"]
    assert short.reason == "not enough data: 6 of 8 samples; run for at least 30 s"
    slow = verdicts_of(measured(Reading(1e8, start_time_s=1.0, requests=5.0 * step) for step in range(40)))["reused"]
    assert slow.reason == "not enough data: 145 of 300 requests; run for at least 78 s"


def test_a_page_without_a_count_of_requests_is_the_reason() -> None:
    """No longer run would help."""
    verdict = verdicts_of(measured(Reading(1e8, start_time_s=1.0) for _ in range(50)))["reused"]
    assert verdict.reason == "the page has no count of requests (http_requests_total)"


def test_the_verdict_of_an_arm_names_the_exception() -> None:
    """By the count of its traceback entries in each sample; before its first raise it is not on the page."""
    entries = [{"user_not_found": 1_900.0 * step} if step else {} for step in range(20)]
    samples = measured(
        replace(reading(step), traceback_entries=sum(found.values()), entries_by_error=found)
        for step, found in enumerate(entries)
    )
    verdict = verdicts_of(samples)["reused"]
    assert verdict.errors == pytest.approx({"user_not_found": 19.0})
    assert verdict.reason == "user_not_found retains 19.0 entries per request"
