"""The verdict on error paths that are measured together."""

from __future__ import annotations

import numpy as np
import pytest

from sadpath.verdict.rounds import Noise, Round, judge_group
from sadpath.verdict.verdict import FLAT_BELOW_EXACT

PATHS = 50
QUIET = Noise(squares=4.0, freedom=4)


def rounds(*grown: float, of_each: int = 10) -> list[Round]:
    return [Round(of_each, one) for one in grown]


def test_less_than_one_leak_in_all_is_none_in_each() -> None:
    """With the sum of what all retain, and how many these are."""
    verdict = judge_group(rounds(50.0, 20.0, 80.0), PATHS, QUIET)
    assert (verdict.outcome, verdict.together) == ("flat", PATHS)
    assert verdict.bytes_per_request == pytest.approx(5.0)
    assert verdict.requests == 30


@pytest.mark.parametrize("grown", [(1500.0, 1500.0, 1500.0), (900.0, 1000.0, 1100.0)])
def test_as_much_as_one_leak_is_not_flat(grown: tuple[float, ...]) -> None:
    """One of them may leak, or many keep a little."""
    assert judge_group(rounds(*grown), PATHS, QUIET).outcome != "flat"


def test_a_traceback_that_grows_in_each_round_is_one_of_theirs() -> None:
    """Whatever memory says."""
    suspected = [Round(10, 0.0, entries={(1, 7): 10}) for _ in range(3)]
    assert judge_group(suspected, PATHS, QUIET).outcome == "leaks"


def test_two_rounds_decide_nothing_of_a_group() -> None:
    """However quiet the service is, and also where memory could not be read in a third."""
    assert judge_group(rounds(0.0, 0.0), PATHS, QUIET).outcome == "inconclusive"
    assert judge_group([*rounds(0.0, 0.0), Round(10, None)], PATHS, QUIET).outcome == "inconclusive"


def test_the_noise_of_all_rounds_counts() -> None:
    """Three that are quiet by chance do not clear a noisy service, and those of a quiet one need not be many."""
    noisy = Noise(squares=4 * 2000.0**2, freedom=4)
    assert judge_group(rounds(0.0, 1.0, 2.0), PATHS, noisy).outcome == "inconclusive"
    known = Noise(squares=40 * 100.0**2, freedom=40)
    disturbed = rounds(-150.0, 150.0, 100.0, of_each=2)
    assert judge_group(disturbed, PATHS, Noise()).ci95[1] > judge_group(disturbed, PATHS, known).ci95[1]


def test_a_group_that_is_wilder_than_all_others_speaks_for_itself() -> None:
    """Their noise does not make its interval narrow."""
    quiet = Noise(squares=40.0, freedom=40)
    assert judge_group(rounds(-5000.0, 5000.0, 0.0), PATHS, quiet).outcome == "inconclusive"


def test_no_requests_tell_noise_and_not_growth() -> None:
    """Growth that is the same in each idle round is none."""
    idle = Noise()
    idle.add([Round(0, 500.0), Round(0, 500.0), Round(0, 500.0)])
    assert (idle.freedom, idle.deviation) == (2, 0.0)
    assert idle.enough_requests(FLAT_BELOW_EXACT) <= 1


def test_the_interval_holds_the_truth() -> None:
    """In about 95 of 100 groups; a leak of just the threshold is called flat in one of forty."""
    generator = np.random.default_rng(1)
    holds, flat, turns = 0, 0, 2000
    for _ in range(turns):
        noise = Noise()
        noise.add([Round(0, one) for one in generator.normal(0, 800.0, 7)])
        found = judge_group(rounds(*(1000.0 + generator.normal(0, 800.0, 3))), PATHS, noise)
        holds += found.ci95[0] <= FLAT_BELOW_EXACT <= found.ci95[1]
        flat += found.outcome == "flat"
    assert holds / turns > 0.93
    assert flat / turns < 0.035
