"""The verdict on rounds: what convicts, what acquits, and what does not decide."""

from collections.abc import Sequence

import numpy as np
import pytest

from sadpath.verdict.rounds import Round, growing_suspects, judge_garbage, judge_rounds

ERROR, OTHER = (1, 10), (1, 20)


def rounds(growth: Sequence[float], entries: Sequence[int] = (), requests: int = 100) -> list[Round]:
    """Rounds in which each request left `growth` bytes, and the traceback of `ERROR` grew by `entries`."""
    found = [{ERROR: count} for count in entries] or [{}] * len(growth)
    return [Round(requests, one * requests, entries=more) for one, more in zip(growth, found, strict=True)]


def noise(mean: float, deviation: float, count: int, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, deviation, count))


def test_a_traceback_that_grows_in_each_round_is_proof() -> None:
    """Whatever memory says, with three rounds."""
    verdict = judge_rounds(rounds([500, 480, 510], [200, 200, 200]))
    assert verdict.outcome == "leaks"
    assert verdict.traceback_entries_per_request == 2
    assert verdict.bytes_per_request == pytest.approx(497, abs=1)


@pytest.mark.parametrize("entries", [[200, 0, 0], [200, 200, 0], [0, 0, 200], [200, 1, 1]])
def test_a_traceback_that_stepped_is_none(entries: list[int]) -> None:
    """An exception that was raised in one round, or is kept until the next, is no leak."""
    assert growing_suspects(rounds([0, 0, 0], entries)) == {}
    assert judge_rounds(rounds([3, 5, 4], entries)).outcome == "flat"


def test_two_rounds_decide_nothing() -> None:
    """Not even with a growing traceback; the figures are unknown."""
    verdict = judge_rounds(rounds([500, 500], [200, 200]))
    assert verdict.outcome == "inconclusive"
    assert "2 of 3 rounds" in verdict.sentence


def test_the_fastest_suspect_comes_first() -> None:
    """Of two exceptions that grow in the same rounds."""
    both = [Round(100, 0, entries={ERROR: 100, OTHER: 1900}) for _ in range(3)]
    assert list(growing_suspects(both).items()) == [(OTHER, 19.0), (ERROR, 1.0)]


def test_steady_rounds_below_the_threshold_are_flat() -> None:
    """Three are enough where the noise is small."""
    verdict = judge_rounds(rounds([3, 5, 4]))
    assert verdict.outcome == "flat"
    assert verdict.ci95[1] < 100


def test_noisy_rounds_need_more() -> None:
    """As with a server whose noise is 66 bytes a request: three do not decide, a dozen do."""
    many = noise(5, 66, 20, seed=3)
    assert judge_rounds(rounds(many[:3])).outcome == "inconclusive"
    assert judge_rounds(rounds(many)).outcome == "flat"


def test_memory_alone_needs_twenty_rounds_to_convict() -> None:
    """With fewer it may be a cache that fills; what to do is said."""
    growth = noise(500, 10, 20)
    few = judge_rounds(rounds(growth[:19]))
    assert few.outcome == "inconclusive"
    assert "budget" in few.reason
    assert judge_rounds(rounds(growth)).outcome == "leaks"


def test_an_exception_without_a_traceback_that_is_kept_is_a_leak() -> None:
    """It takes 200 bytes, twice the threshold, and is named."""
    kept = [Round(100, 20_000 + n, live_exceptions=100) for n in range(20)]
    verdict = judge_rounds(kept)
    assert verdict.outcome == "leaks"
    assert "exception" in verdict.reason


@pytest.mark.parametrize("filled_after", [1, 3, 8])
def test_a_cache_that_fills_is_flat_once_it_is_full(filled_after: int) -> None:
    """Growth at first, none in the second half."""
    growth = noise(400, 5, filled_after) + noise(1, 5, 20 - filled_after)
    verdict = judge_rounds(rounds(growth))
    assert verdict.outcome == "flat"


def test_a_cache_that_still_fills_is_inconclusive() -> None:
    """It grows more slowly towards the end; a leak does not."""
    growth = [1000 * 0.9**n for n in range(20)]
    verdict = judge_rounds(rounds(growth))
    assert verdict.outcome == "inconclusive"
    assert "slowly" in verdict.reason


def test_one_large_step_is_no_leak() -> None:
    """Such as a dictionary that got a new table: the mean is above the threshold, the rounds are not."""
    assert judge_rounds(rounds([*noise(2, 3, 9), 5000, *noise(2, 3, 10)])).outcome == "flat"
    assert judge_rounds(rounds([*noise(2, 3, 4), 5000, *noise(2, 3, 4)])).outcome == "inconclusive"


def test_memory_that_shrinks_is_flat() -> None:
    """Something was released meanwhile."""
    assert judge_rounds(rounds(noise(-900, 20, 6))).outcome == "flat"


def test_rounds_without_a_reading_do_not_count() -> None:
    """No reading is no zero."""
    verdict = judge_rounds([Round(100, None)] * 30)
    assert (verdict.outcome, verdict.samples) == ("inconclusive", 0)


def test_the_threshold_can_be_set() -> None:
    """500 bytes are flat for one who allows a thousand."""
    assert judge_rounds(rounds(noise(500, 10, 20)), flat_below=1000).outcome == "flat"


@pytest.mark.parametrize("slope", [0.0, 500.0])
@pytest.mark.parametrize("deviation", [8.0, 66.0])
def test_the_interval_contains_the_truth_in_95_of_100_series(slope: float, deviation: float) -> None:
    """Of four rounds with white noise: the t-interval is exact there."""
    intervals = [judge_rounds(rounds(noise(slope, deviation, 4, seed))).ci95 for seed in range(400)]
    covered = sum(low <= slope <= high for low, high in intervals) / len(intervals)
    assert covered == pytest.approx(0.95, abs=0.035)


def test_few_leaks_pass_as_flat_when_one_looks_after_each_round() -> None:
    """A leak of 200 bytes, the smallest that matters, with the noise of the worst server: in fewer than 1 of 100."""
    wrong = 0
    for seed in range(400):
        growth = noise(200, 66, 20, seed)
        wrong += any(judge_rounds(rounds(growth[:count])).outcome == "flat" for count in range(3, 21))
    assert wrong / 400 < 0.01


def test_what_may_hide_in_pages_has_to_be_outgrown() -> None:
    """A mebibyte may go unseen: no growth in 300 requests rules out nothing then, in 5,000 it does."""
    assert judge_rounds(rounds([0.0] * 3), flat_below=256, hidden_bytes=2**20).outcome == "inconclusive"
    many = judge_rounds(rounds([0.0] * 12, requests=400), flat_below=256, hidden_bytes=2**20)
    assert (many.outcome, many.ci95) == ("flat", (0.0, 0.0))


def test_a_round_with_more_requests_says_more() -> None:
    """What disturbs a count is as large after few requests as after many."""
    few, many = rounds([100, -100, 60], requests=50), rounds([5.0, -5.0, 3.0], requests=1000)
    low, high = judge_rounds([*few, *many]).ci95
    assert (low, high) == pytest.approx((-6, 8), abs=1)


def test_a_cache_that_is_full_after_a_few_rounds_needs_twenty_to_be_flat() -> None:
    """Growth that stopped may have paused: six rounds do not tell, twenty do."""
    growth = noise(400, 5, 3) + noise(1, 5, 17)
    assert judge_rounds(rounds(growth[:6])).outcome == "inconclusive"
    assert judge_rounds(rounds(growth)).outcome == "flat"


@pytest.mark.parametrize(("last", "outcome"), [(20.0, "inconclusive"), (450.0, "leaks")])
def test_a_leak_grows_in_every_third(last: float, outcome: str) -> None:
    """By a quarter of its pace at least: memory that hardly grew in the first third stepped up later."""
    growth = noise(last, 2, 7) + noise(500, 2, 14)
    verdict = judge_rounds(rounds(growth), flat_below=10)
    assert verdict.outcome == outcome


def test_a_verdict_has_its_suspects_and_its_threshold() -> None:
    """Where they were found, and what decided."""
    verdict = judge_rounds(rounds([500, 480, 510], [200, 200, 200]), flat_below=300)
    assert verdict.suspects == {ERROR: 2.0}
    assert verdict.flat_below == 300


def test_rounds_without_a_census_have_no_entries() -> None:
    """It is unknown whether a traceback grew, which is not the same as that none did."""
    verdict = judge_rounds([Round(100, 300.0, None, None)] * 4)
    assert (verdict.outcome, verdict.traceback_entries_per_request, verdict.suspects) == ("flat", None, {})


FLAT = judge_rounds(rounds([3, 5, 4]))


def garbage(growth: Sequence[float]) -> list[Round]:
    """Rounds of 100 requests, each of which left so many bytes of garbage."""
    return [Round(100, 0.0, garbage_bytes=100 * one) for one in growth]


@pytest.mark.parametrize(("is_collected", "outcome"), [(True, "flat"), (None, "inconclusive"), (False, "leaks")])
def test_garbage_is_a_leak_only_where_nothing_collects_it(*, is_collected: bool | None, outcome: str) -> None:
    """And no verdict is given where that is not known."""
    verdict = judge_garbage(FLAT, garbage([8000, 8100, 7900]), is_collected=is_collected)
    assert verdict.outcome == outcome
    if not is_collected:
        assert verdict.bytes_per_request == pytest.approx(8000)
        assert "garbage" in verdict.reason


@pytest.mark.parametrize("growth", [[40, 50, 60], [9000, 0, 0], [9000, 9000], []])
def test_little_garbage_and_garbage_of_one_round_are_none(growth: list[float]) -> None:
    """The whole interval has to be above the threshold."""
    assert judge_garbage(FLAT, garbage(growth), is_collected=False) is FLAT


def test_what_leaks_already_stays_as_it_is() -> None:
    """It has a cause of its own."""
    leaks = judge_rounds(rounds([500, 480, 510], [200, 200, 200]))
    assert judge_garbage(leaks, garbage([9000, 9000, 9000]), is_collected=False) is leaks
