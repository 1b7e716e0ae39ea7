import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sadpath.verdict.samples import Series, judge_samples
from sadpath.verdict.slope import QUANTILES, student_t
from sadpath.verdict.verdict import MIN_OF_A_LEAK, MIN_REQUESTS, MIN_SAMPLES, Verdict

Floats = NDArray[np.floating]
Noise = Callable[[np.random.Generator], Floats]

SAMPLES = 30
SEEDS = range(40)
MIB = 2.0**20
REQUESTS: Floats = 1_000 + 200.0 * np.arange(SAMPLES)
"""One sample a second at 200 requests a second, after the warm-up."""


def lifetime(memory: Floats, requests: Floats = REQUESTS, entries: Floats | None = None) -> Series:
    """Return one lifetime of a process whose memory lies over 100 MiB by `memory`."""
    return Series(requests.tolist(), (100 * MIB + memory).tolist(), () if entries is None else entries.tolist())


def named(requests: Floats, entries: Floats) -> Series:
    """Return one lifetime whose memory does not move, and one error that retains these entries."""
    memory, retained = [100 * MIB] * len(requests), entries.tolist()
    return Series(requests.tolist(), memory, retained, (), {"cached": retained})


def leak(slope: float, requests: Floats = REQUESTS) -> Floats:
    """Return memory that grows by `slope` bytes with each request."""
    return slope * requests


def white(rng: np.random.Generator) -> Floats:
    """Independent noise of a quarter of a MiB."""
    return rng.normal(0, MIB / 4, SAMPLES)


def autocorrelated(rng: np.random.Generator) -> Floats:
    """AR(1): each sample keeps seven tenths of the one before, and lies about as wide as the white noise."""
    noise, shocks = np.zeros(SAMPLES), rng.normal(0, 0.7 * MIB / 4, SAMPLES)
    for index in range(1, SAMPLES):
        noise[index] = 0.7 * noise[index - 1] + shocks[index]
    return noise


def random_walk(rng: np.random.Generator) -> Floats:
    """A heap that takes or gives back one arena of the allocator, or none, from sample to sample."""
    return np.cumsum(rng.integers(-1, 2, SAMPLES) * MIB)


def one_step(rng: np.random.Generator) -> Floats:
    """A cache of 16 MiB that is filled at once, at any time."""
    return np.where(np.arange(SAMPLES) >= rng.integers(1, SAMPLES), 16 * MIB, 0.0) + rng.normal(0, MIB / 16, SAMPLES)


def two_steps(rng: np.random.Generator) -> Floats:
    """Two caches, each filled at once."""
    return one_step(rng) + one_step(rng)


def sawtooth(rng: np.random.Generator) -> Floats:
    """Garbage in reference cycles, which grows until the garbage collector runs, after 3 to 12 samples."""
    teeth = (np.arange(SAMPLES) + rng.integers(0, 12)) % rng.integers(3, 13)
    return teeth * MIB + rng.normal(0, MIB / 16, SAMPLES)


def outliers(rng: np.random.Generator) -> Floats:
    """White noise, and one sample in ten that is wrong by a gigabyte."""
    return white(rng) + np.where(rng.random(SAMPLES) < 0.1, 1_000 * MIB, 0.0)


NOISES = (white, autocorrelated, random_walk, one_step, two_steps, sawtooth, outliers)


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_is_theil_and_sens(seed: int) -> None:
    """As SciPy has it."""
    memory = leak(560) + white(np.random.default_rng(seed))
    expected = stats.theilslopes(memory, REQUESTS).slope
    assert judge_samples([lifetime(memory)]).bytes_per_request == pytest.approx(expected)


@pytest.mark.parametrize("noise", NOISES)
def test_noise_does_not_convict(noise: Noise) -> None:
    """Memory that is noise of any kind, and no leak, is never called one; a long random walk once in forty at most."""
    outcomes = [judge_samples([lifetime(noise(np.random.default_rng(seed)))]).outcome for seed in SEEDS]
    assert outcomes.count("leaks") <= (noise is random_walk)


@pytest.mark.parametrize("noise", NOISES)
def test_noise_does_not_acquit(noise: Noise) -> None:
    """A leak of 8 KiB per request is not called flat, whatever noise lies over it."""
    outcomes = [
        judge_samples([lifetime(leak(8_192) + noise(np.random.default_rng(seed)))]).outcome for seed in SEEDS[:20]
    ]
    assert outcomes.count("flat") == 0


@pytest.mark.parametrize("noise", [white, autocorrelated])
@pytest.mark.parametrize("slope", [0, 560])
def test_the_interval_holds_the_true_slope(noise: Noise, slope: float) -> None:
    """In nine of ten runs and more, the true slope lies in the interval."""
    intervals = [
        judge_samples([lifetime(leak(slope) + noise(np.random.default_rng(seed)))]).ci95 for seed in range(100)
    ]
    assert sum(low <= slope <= high for low, high in intervals) >= 90


@pytest.mark.parametrize("count", [30, 57, 300])
def test_the_interval_is_hardly_wider_than_a_textbooks(count: int) -> None:
    """In white noise, where least squares has an exact one: less than by two fifths."""
    requests = 1_000 + 200.0 * np.arange(count)
    noise = [np.random.default_rng(seed).normal(0, MIB / 4, count) for seed in SEEDS[:20]]
    intervals = [judge_samples([lifetime(memory, requests)]).ci95 for memory in noise]
    textbook = 2 * stats.t.ppf(0.975, count - 2) * (MIB / 4) / (requests.std() * math.sqrt(count))
    assert 0.9 < np.median([high - low for low, high in intervals]) / textbook < 1.4


def test_the_table_is_students() -> None:
    """As SciPy has it; of more degrees of freedom than it has, the quantile is too wide by at most 4%."""
    expected = stats.t.ppf(0.975, np.arange(1, len(QUANTILES) + 1))
    assert QUANTILES == pytest.approx(expected, abs=0.001)
    assert stats.norm.ppf(0.975) < student_t(1000) < 1.05 * stats.norm.ppf(0.975)


@pytest.mark.parametrize("noise", [white, autocorrelated, outliers])
@pytest.mark.parametrize(("slope", "often"), [(560, 15), (2_000, 36)])
def test_a_leak_in_noise_is_found(noise: Noise, slope: float, often: int) -> None:
    """A leak is found in nearly all of forty runs, and the smallest, an error that is caught on the spot, in many."""
    outcomes = [judge_samples([lifetime(leak(slope) + noise(np.random.default_rng(seed)))]).outcome for seed in SEEDS]
    assert outcomes.count("leaks") >= often
    assert outcomes.count("flat") == 0


def test_memory_that_does_not_move_is_flat() -> None:
    """A series without any variance is flat, with a slope and an interval of zero."""
    found = judge_samples([lifetime(np.zeros(SAMPLES))])
    assert (found.outcome, found.bytes_per_request, found.ci95) == ("flat", 0, (0, 0))


def test_growth_without_noise_is_measured_exactly() -> None:
    """A leak without noise has its slope, and an interval that has no width."""
    found = judge_samples([lifetime(leak(15_024))])
    assert found.outcome == "leaks"
    assert (found.bytes_per_request, *found.ci95) == pytest.approx((15_024, 15_024, 15_024))


@pytest.mark.parametrize("where", [0, 1, SAMPLES // 2, SAMPLES - 1])
def test_an_outlier_does_not_move_the_slope(where: int) -> None:
    """One sample that is wrong by a gigabyte, wherever it is, does not make flat memory leak."""
    memory = np.zeros(SAMPLES)
    memory[where] = 1024 * MIB
    found = judge_samples([lifetime(memory)])
    assert (found.outcome, found.bytes_per_request) == ("flat", 0)


def test_memory_that_falls_is_flat() -> None:
    """Memory that is given back is not a leak, and the slope is by how much it falls."""
    found = judge_samples([lifetime(leak(-2_000))])
    assert found.outcome == "flat"
    assert found.bytes_per_request == pytest.approx(-2_000)


def test_growth_below_the_threshold_is_flat() -> None:
    """Growth under the threshold is flat, and leaks where a lower one is asked for."""
    growing = [lifetime(leak(100))]
    assert judge_samples(growing).outcome == "flat"
    assert judge_samples(growing, flat_below=50).outcome == "leaks"


def test_too_few_samples_do_not_decide() -> None:
    """With one sample fewer than the least number nothing is decided, however clear it looks."""
    counts = (MIN_SAMPLES - 1, MIN_SAMPLES)
    lifetimes = [lifetime(leak(15_000)[:count], REQUESTS[:count], 5 * REQUESTS[:count]) for count in counts]
    assert [judge_samples([one]).outcome for one in lifetimes] == ["inconclusive", "leaks"]


def test_too_few_samples_do_not_convict_by_memory_alone() -> None:
    """Growth as clear as can be is inconclusive with one sample fewer than that takes; idle samples are none."""
    counts = (MIN_SAMPLES, MIN_OF_A_LEAK - 1, MIN_OF_A_LEAK)
    found = [judge_samples([lifetime(leak(15_000)[:count], REQUESTS[:count])]) for count in counts]
    assert [one.outcome for one in found] == ["inconclusive", "inconclusive", "leaks"]
    assert found[1].reason == (
        "memory grows, but 19 of 20 samples under load are too few to tell a leak from a cache that fills; run longer"
    )
    idle = REQUESTS.clip(max=REQUESTS[18])
    assert judge_samples([lifetime(leak(15_000, idle), idle)]).reason == found[1].reason


def test_few_samples_acquit() -> None:
    """Memory that does not move is flat with as few samples as a verdict takes."""
    assert judge_samples([lifetime(np.zeros(MIN_SAMPLES), REQUESTS[:MIN_SAMPLES])]).outcome == "flat"


@pytest.mark.parametrize("count", [9, 20, 57])
@pytest.mark.parametrize("share", [0.2, 0.33, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("noise", [0.0, MIB / 16, MIB / 4])
def test_a_cache_that_fills_does_not_leak(count: int, share: float, noise: float) -> None:
    """10 MB that saturate exponentially, with a time constant of so much of the run; noise hides it one time in ten."""
    requests = 1_000 + 200.0 * np.arange(count)
    filling = 10e6 * (1 - np.exp(-np.arange(count) / (share * count)))
    noises = [np.random.default_rng(seed).normal(0, noise, count) for seed in SEEDS[:10]]
    outcomes = [judge_samples([lifetime(filling + one, requests)]).outcome for one in noises]
    assert outcomes.count("leaks") <= (noise == MIB / 4)
    assert outcomes.count("flat") == 0


def test_a_cache_that_fills_says_so() -> None:
    """The reason is what is seen, and what to do."""
    found = judge_samples([lifetime(10e6 * (1 - np.exp(-np.arange(20) / 26)), REQUESTS[:20])])
    assert found.reason == (
        "memory grows more slowly towards the end, as a cache does that fills; run longer, a leak keeps its pace"
    )


def test_a_cache_that_has_filled_is_flat() -> None:
    """In a run that goes on for long enough after it."""
    requests = 1_000 + 200.0 * np.arange(300)
    assert judge_samples([lifetime(10e6 * (1 - np.exp(-np.arange(300) / 5)), requests)]).outcome == "flat"


def test_a_cache_that_fills_again_after_each_restart_does_not_leak() -> None:
    """The samples of three lifetimes are enough together, and each levels off."""
    filling = lifetime(10e6 * (1 - np.exp(-np.arange(10) / 10)), REQUESTS[:10])
    assert judge_samples([filling] * 3).outcome == "inconclusive"


def test_a_short_lifetime_that_levels_off_does_not_hide_a_leak() -> None:
    """Lifetimes weigh by their requests: a long one that leaks outweighs a short one that bends."""
    bends = np.concatenate([leak(2_500, REQUESTS[:4]), leak(500, REQUESTS[4:8]) + 2_000 * REQUESTS[3]])
    assert judge_samples([lifetime(leak(2_000)), lifetime(bends, REQUESTS[:8])]).outcome == "leaks"


def test_an_interval_that_holds_the_threshold_decides_nothing() -> None:
    """Growth for certain, and as likely below the threshold as above it, is inconclusive."""
    found = judge_samples([lifetime(leak(256) + white(np.random.default_rng(0)))])
    assert 0 < found.ci95[0] < 256 < found.ci95[1]
    assert found.outcome == "inconclusive"
    assert found.reason == "cannot tell 256 bytes per request from zero with 95% confidence; run longer"


def test_too_few_requests_do_not_decide() -> None:
    """With fewer requests than the least number nothing is decided, however many samples there are."""
    spans = [np.linspace(0, requests, SAMPLES) for requests in (MIN_REQUESTS - 1, MIN_REQUESTS)]
    assert [judge_samples([lifetime(leak(15_000, span), span)]).outcome for span in spans] == ["inconclusive", "leaks"]


@pytest.mark.parametrize(
    "lifetimes", [[], [Series([], [])], [Series([1_000.0], [1e8])], [Series([], []), Series([], [])]]
)
def test_nothing_measured_does_not_decide(lifetimes: list[Series]) -> None:
    """No lifetimes, or lifetimes without samples, are inconclusive."""
    assert judge_samples(lifetimes).outcome == "inconclusive"


def test_a_service_that_was_not_loaded_does_not_decide() -> None:
    """Samples without a request between them are inconclusive, though memory grows."""
    idle = np.full(SAMPLES, 1_000.0)
    assert judge_samples([lifetime(leak(15_000), idle)]).outcome == "inconclusive"


@pytest.mark.parametrize("idle", [slice(0, 9), slice(10, 19), slice(21, SAMPLES)])
@pytest.mark.parametrize(("slope", "outcome"), [(0, "flat"), (15_000, "leaks")])
def test_a_load_that_pauses_changes_nothing(idle: slice, slope: float, outcome: str) -> None:
    """Samples that were taken while no request came, at the start, in the middle or at the end, change no verdict."""
    requests = 1_000 + np.cumsum(np.where(np.isin(np.arange(SAMPLES), np.arange(SAMPLES)[idle]), 0.0, 200.0))
    assert judge_samples([lifetime(leak(slope, requests), requests)]).outcome == outcome


def test_one_burst_in_a_long_idle_run_does_not_raise() -> None:
    """A load that came all at once, in a run of hundreds of samples, gives a verdict and no warning."""
    requests = np.where(np.arange(500) == 499, 2_000.0, 1_000.0)
    assert judge_samples([lifetime(np.zeros(500), requests)]).outcome in {"flat", "inconclusive"}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_samples_that_are_not_numbers_are_left_out(bad: float) -> None:
    """A sample in which a figure is not a number is left out, and the others decide."""
    memory, requests, entries = leak(15_000), REQUESTS.copy(), 5 * REQUESTS
    memory[3], requests[7], entries[11] = bad, bad, bad
    found = judge_samples([lifetime(memory, requests, entries)])
    assert (found.outcome, found.samples) == ("leaks", SAMPLES - 3)
    assert found.bytes_per_request == pytest.approx(15_000)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_series_without_a_number_does_not_decide(bad: float) -> None:
    """A series without a number in it is inconclusive."""
    assert judge_samples([lifetime(np.full(SAMPLES, bad))]).outcome == "inconclusive"


def test_two_flat_lifetimes_on_a_rising_level_are_flat() -> None:
    """Two lifetimes that would look like a leak if they were joined are flat, because each is."""
    found = judge_samples([lifetime(np.zeros(SAMPLES)), lifetime(np.full(SAMPLES, 200 * MIB), REQUESTS + 6_000)])
    assert (found.outcome, found.bytes_per_request, found.restarts) == ("flat", 0, 1)


def test_two_lifetimes_on_a_falling_level_leak() -> None:
    """Two lifetimes that would look like a fall if they were joined leak, because each does."""
    found = judge_samples([lifetime(leak(2_000) + 200 * MIB), lifetime(leak(2_000), REQUESTS + 6_000)])
    assert found.outcome == "leaks"
    assert found.bytes_per_request == pytest.approx(2_000)


def test_lifetimes_weigh_by_their_requests() -> None:
    """A long lifetime moves the slope by more than a short one."""
    found = judge_samples([lifetime(leak(1_000)), lifetime(leak(4_000)[:8], REQUESTS[:8])])
    assert found.bytes_per_request == pytest.approx((5_800 * 1_000 + 1_400 * 4_000) / 7_200)


def test_a_restart_is_in_the_sentence() -> None:
    """A leak whose process was restarted on the way is a leak, and its sentence has their number."""
    found = judge_samples([lifetime(leak(15_000))] * 3)
    assert (found.outcome, found.restarts, found.samples, found.requests) == ("leaks", 2, 3 * SAMPLES, 3 * 5_800)
    assert found.sentence.endswith("(90 samples, 17,400 requests, 2 restarts)")


def test_a_short_lifetime_counts_as_a_restart_and_for_nothing_else() -> None:
    """A lifetime that is too short to have a slope counts as a restart, and does not move the figures."""
    short = lifetime(leak(1e6)[:3], REQUESTS[:3])
    found = judge_samples([lifetime(leak(2_000)), short])
    assert (found.restarts, found.samples) == (1, SAMPLES)
    assert found.bytes_per_request == pytest.approx(2_000)


def test_a_traceback_that_grows_is_proof() -> None:
    """A traceback that grows with each request is proof, though memory is too noisy to decide."""
    noisy = np.random.default_rng(0).normal(0, 500 * MIB, SAMPLES)
    assert judge_samples([lifetime(noisy)]).outcome == "inconclusive"
    found = judge_samples([lifetime(noisy, entries=5 * REQUESTS)])
    assert (found.outcome, found.reason) == ("leaks", "tracebacks grow by 5.0 entries per request")
    assert found.traceback_entries_per_request == pytest.approx(5)


def test_a_traceback_of_one_error_in_ten_requests_is_proof() -> None:
    """A traceback that grows in some of the samples only, because the error is rare, is proof too."""
    entries = 60.0 * (REQUESTS // 600)
    found = judge_samples([lifetime(np.zeros(SAMPLES), entries=entries)])
    assert found.outcome == "leaks"
    assert found.traceback_entries_per_request == pytest.approx(0.1, abs=0.01)


def test_a_traceback_that_grows_again_after_a_release_is_proof() -> None:
    """A traceback that was cleared on the way, and grows again, is proof: the fall does not make up for the growth."""
    entries = 5 * (REQUESTS % 2_000)
    assert judge_samples([lifetime(np.zeros(SAMPLES), entries=entries)]).outcome == "leaks"


def test_a_traceback_that_stays_is_no_proof() -> None:
    """A traceback that holds one raise's worth, as after `with_traceback(None)`, leaves memory to decide."""
    found = judge_samples([lifetime(np.zeros(SAMPLES), entries=np.full(SAMPLES, 9.0))])
    assert (found.outcome, found.traceback_entries_per_request) == ("flat", 0)


def test_a_traceback_that_comes_and_goes_is_no_proof() -> None:
    """A traceback that is cleared after each request, and was seen within some of them, is none that grows."""
    slow_load = 1_000 + 15.0 * np.arange(SAMPLES)
    seen = np.where(np.arange(SAMPLES) % 2, 9.0, 0.0)
    assert judge_samples([lifetime(np.zeros(SAMPLES), slow_load, seen)]).outcome == "flat"


@pytest.mark.parametrize("count", [MIN_SAMPLES, SAMPLES, 300])
@pytest.mark.parametrize("when", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_entries_that_are_kept_once_are_no_proof(count: int, when: float) -> None:
    """A step of 1,000 entries, whenever it comes: one error that was cached, and none after it."""
    requests = 1_000 + 200.0 * np.arange(count)
    once = np.where(np.arange(count) >= max(round(when * count), 1), 1_000.0, 0.0)
    found = judge_samples([named(requests, once)])
    assert (found.outcome, dict(found.errors)) == ("flat", {})


@pytest.mark.parametrize("count", [MIN_SAMPLES, SAMPLES, 300])
@pytest.mark.parametrize("filled", [0.1, 0.3, 0.5, 0.6, 0.7])
@pytest.mark.parametrize("swing", [0, 20])
def test_a_ring_that_fills_is_no_proof(count: int, filled: float, swing: int) -> None:
    """The last 100 errors are kept, 5 entries each or, with a swing, of some depth or other once they are full."""
    requests = 1_000 + 200.0 * np.arange(count)
    share = np.arange(count) / (filled * (count - 1))
    entries = 500 * share.clip(max=1) + np.where(share > 1, swing * (np.arange(count) % 2), 0)
    found = judge_samples([named(requests, entries)])
    assert (found.outcome, dict(found.errors)) == ("flat", {})


@pytest.mark.parametrize("count", [MIN_SAMPLES, 9, 10, SAMPLES, 300])
def test_a_traceback_that_grows_in_every_third_is_proof(count: int) -> None:
    """However few the samples are that a verdict needs at least, and if a load that paused left half of them idle."""
    requests = 1_000 + 200.0 * np.arange(count)
    paused = np.concatenate([np.full(count, requests[0]), requests])
    assert judge_samples([named(requests, 5 * requests)]).errors == pytest.approx({"cached": 5})
    assert judge_samples([named(paused, 5 * paused)]).errors == pytest.approx({"cached": 5})


def test_a_traceback_that_a_restart_cuts_short_is_proof() -> None:
    """Each lifetime grows until the process is restarted, in four samples of its own."""
    killed = named(REQUESTS[:4], 5 * REQUESTS[:4])
    found = judge_samples([killed] * 4)
    assert (found.outcome, found.restarts) == ("leaks", 3)
    assert found.errors == pytest.approx({"cached": 5})


def test_a_ring_that_fills_again_after_a_restart_is_no_proof() -> None:
    """A short lifetime, in which it was not full yet, does not count beside a long one."""
    long = named(REQUESTS, np.minimum(np.arange(SAMPLES) * 200.0, 1_000))
    short = named(200.0 * np.arange(5), np.arange(5) * 200.0)
    assert judge_samples([long, short]).outcome == "flat"


def test_entries_that_each_lifetime_keeps_once_are_no_proof() -> None:
    """An error that a service caches as it starts is cached again after each restart."""
    once = np.where(np.arange(SAMPLES) > 2, 1_000.0, 0.0)
    assert judge_samples([named(REQUESTS, once)] * 3).outcome == "flat"


def test_memory_convicts_where_no_traceback_grows() -> None:
    """A census that finds nothing proves nothing: something else may leak."""
    assert judge_samples([lifetime(leak(2_000), entries=np.zeros(SAMPLES))]).outcome == "leaks"


def test_objects_in_reference_cycles_are_a_figure_of_their_own() -> None:
    """Objects in reference cycles, which the garbage collector frees, are counted per request, and are not a leak."""
    found = judge_samples([Series(REQUESTS.tolist(), [1e8] * SAMPLES, (), (3 * REQUESTS).tolist())])
    assert found.outcome == "flat"
    assert found.cyclic_objects_per_request == pytest.approx(3)


def test_a_figure_that_was_not_sampled_is_unknown() -> None:
    """Without a count of traceback entries or of freed objects, these figures are unknown."""
    found = judge_samples([lifetime(np.zeros(SAMPLES))])
    assert (found.traceback_entries_per_request, found.cyclic_objects_per_request) == (None, None)


def test_the_same_samples_have_the_same_verdict() -> None:
    """The same samples and seed give the same verdict to the last digit, and another seed another interval."""
    noisy = [lifetime(leak(560) + white(np.random.default_rng(5)))]
    assert judge_samples(noisy) == judge_samples(noisy)
    assert judge_samples(noisy, seed=1).ci95 != judge_samples(noisy, seed=2).ci95


def test_many_samples_are_thinned_and_lose_nothing() -> None:
    """A run of an hour is judged as fast as one of minutes, by the medians of neighbours."""
    requests = 1_000 + 200.0 * np.arange(3_600)
    found = judge_samples([lifetime(leak(560, requests) + np.random.default_rng(2).normal(0, MIB, 3_600), requests)])
    assert (found.outcome, found.samples) == ("leaks", 3_600)
    assert found.bytes_per_request == pytest.approx(560, abs=10)


def test_the_sentence_of_a_leak() -> None:
    """The sentence of a leak has its slope, its interval, the reason and what it rests on."""
    found = Verdict(
        "leaks", "user_not_found retains 5.0 entries per request", 60, 12_000, 1, 15_024.4, (14_990.6, 15_060.0)
    )
    assert found.sentence == (
        "leaks: 15,024 bytes retained per request (95% CI 14,991 to 15,060); "
        "user_not_found retains 5.0 entries per request (60 samples, 12,000 requests, 1 restart)"
    )


def test_the_sentence_of_a_leak_that_memory_shows() -> None:
    """The sentence of a leak that memory alone shows names the threshold that it is above."""
    assert judge_samples([lifetime(leak(2_000))]).sentence == (
        "leaks: 2,000 bytes retained per request (95% CI 2,000 to 2,000); "
        "the whole 95% CI is above 256 bytes per request (30 samples, 5,800 requests)"
    )


def test_the_sentence_of_a_flat_arm() -> None:
    """The sentence of a flat arm is what is ruled out, not that nothing grows."""
    assert judge_samples([lifetime(np.zeros(SAMPLES))]).sentence == (
        "flat: 0 bytes retained per request (95% CI 0 to 0); "
        "growth of 256 bytes per request is ruled out (30 samples, 5,800 requests)"
    )


def test_the_sentence_of_too_little() -> None:
    """The sentence of too short a run has no figure in it, and names what is short, and only that."""
    assert judge_samples([lifetime(np.zeros(5), REQUESTS[:5])]).sentence == (
        "inconclusive: bytes retained per request unknown; not enough data: 5 of 8 samples (5 samples, 800 requests)"
    )
    assert judge_samples([]).reason == "not enough data: 0 of 8 samples, 0 of 300 requests"


def test_a_number_and_its_unit_agree() -> None:
    """One byte, two bytes, one sample; and zero is never negative."""
    one = Verdict("flat", "", 1, 1, 1, 1.2, (-0.2, 2.4))
    assert one.figures == "1 byte retained per request (95% CI 0 to 2)"
    assert one.basis == "1 sample, 1 request, 1 restart"
    assert Verdict("flat", "", 2, 1_000).basis == "2 samples, 1,000 requests"


def test_what_is_inconclusive_says_what_to_do() -> None:
    """Too wide an interval needs a longer run."""
    noisy = judge_samples([lifetime(np.random.default_rng(0).normal(0, 500 * MIB, SAMPLES))])
    assert noisy.outcome == "inconclusive"
    assert noisy.reason == "cannot tell 256 bytes per request from zero with 95% confidence; run longer"


def test_the_verdict_names_the_exceptions_that_retain_more_with_each_request() -> None:
    """The fastest first; one whose traceback is cleared, or stays, is not among them."""
    grows, rarely, stays = 19.0 * REQUESTS, 0.5 * REQUESTS, np.full(SAMPLES, 9.0)
    errors = {"stays": stays.tolist(), "rarely": rarely.tolist(), "user_not_found": grows.tolist()}
    total = (grows + rarely + stays).tolist()
    found = judge_samples([Series(REQUESTS.tolist(), (100 * MIB + leak(15_000)).tolist(), total, (), errors)])
    assert found.errors == pytest.approx({"user_not_found": 19.0, "rarely": 0.5})
    assert list(found.errors) == ["user_not_found", "rarely"]
    assert found.reason == "user_not_found retains 19.0 entries per request, rarely retains 0.5 entries per request"


def test_an_exception_that_comes_and_goes_or_hardly_grows_is_not_named() -> None:
    """One that is seen within some requests and then gone, and one below what is proof, beside one that leaks."""
    grows = 5.0 * REQUESTS
    seen, hardly = np.where(np.arange(SAMPLES) % 2, 5_000.0, 0.0), 0.01 * REQUESTS
    errors = {"grows": grows.tolist(), "seen": seen.tolist(), "hardly": hardly.tolist()}
    memory = np.full(SAMPLES, 100 * MIB).tolist()
    found = judge_samples([Series(REQUESTS.tolist(), memory, (grows + hardly).tolist(), (), errors)])
    assert found.errors == pytest.approx({"grows": 5.0})


def test_an_exception_that_is_first_raised_after_a_restart_is_named_too() -> None:
    """Growth is per request over all lifetimes; in the first, it was not on the page."""
    memory = np.full(SAMPLES, 100 * MIB).tolist()
    quiet = Series(REQUESTS.tolist(), memory, [0.0] * SAMPLES)
    raised = Series(REQUESTS.tolist(), memory, (4 * REQUESTS).tolist(), (), {"late": (4 * REQUESTS).tolist()})
    assert judge_samples([quiet, raised]).errors == pytest.approx({"late": 2.0})
