"""What the demo makes of a run, given what the catalogue says of the twin."""

from dataclasses import replace
from typing import Any

import pytest

from loadtest.catalogue import FIGURES, Twin, read_twin
from loadtest.outcome import RATE, expected_of, rate_for, shortfall, status_of, words
from sadpath.report import Run
from sadpath.sources import Reading
from sadpath.verdict.conditions import Conditions
from sadpath.verdict.judge import Outcome, Verdict
from sadpath.verdict.samples import Latency, Sample


def described(**expected: list[float]) -> dict[str, Any]:
    """What an arm says of a twin whose leaky variant is expected to do this, and its fixed one nothing."""
    nothing: dict[str, list[float]] = {figure: [0, 0] for figure in FIGURES}
    variants = [
        {
            "slug": slug,
            "path": f"/twins/some/{slug}",
            "status": 200,
            "why": f"why {slug}{' [fixed]' * (slug == 'fixed')}",
            "expected": expectation,
        }
        for slug, expectation in {"fixed": nothing, "other": nothing, "leaky": {**nothing, **expected}}.items()
    ]
    names = {"slug": "some", "title": "Some `pattern`", "origin": "", "leaky": "leaky", "fixed": "fixed"}
    return {**names, "protocol": "http", "requests": 400, "context_kb": 16, "variants": variants}


KEEPS = read_twin(described(bytes_per_request=[16_500, 20_000]))
CYCLES = read_twin(described(cyclic_objects_per_request=[3, 60]))
LOGS = read_twin(described(bytes_per_request=[16_500, 20_000], log_bytes_added_per_request=[100, 500]))
HEADLINE = replace(KEEPS, slug="asgi-middleware")


def run(
    reused: Outcome,
    factory: Outcome,
    *,
    cycles: float | None = None,
    fixed_cycles: float | None = 0.0,
    samples: list[Sample] | None = None,
) -> Run:
    """A run that was decided so."""
    verdicts = {
        "reused": Verdict(reused, "", cyclic_objects_per_request=cycles),
        "factory": Verdict(factory, "", cyclic_objects_per_request=fixed_cycles),
    }
    return Run(samples or [], Conditions(), verdicts)


def answered(each: int, p99_ms: float = 5.0, *, arm: str = "reused", start: float = 1.0) -> list[Sample]:
    """Ten seconds of one arm that answers so many requests a second, each more slowly than the last."""
    readings = [Reading(2**20, start_time_s=start, requests=each * at) for at in range(11)]
    return [
        Sample(start + at, arm, "measured", reading, Latency(1, p99_ms * at)) for at, reading in enumerate(readings)
    ]


@pytest.mark.parametrize(
    ("bytes_kept", "outcome"),
    [([16_500, 20_000], "leaks"), ([257, 400], "leaks"), ([50, 400], "flat"), ([-256, 256], "flat"), ([0, 0], "flat")],
)
def test_an_arm_must_leak_if_all_that_it_may_keep_is_above_what_is_called_flat(
    bytes_kept: list[float], outcome: Outcome
) -> None:
    """A hundred bytes a request, or a range that reaches down to them, is no leak that this verdict could call one."""
    twin = read_twin(described(bytes_per_request=bytes_kept))
    assert expected_of(twin) == {"reused": outcome, "factory": "flat"}


@pytest.mark.parametrize(
    ("twin", "ran", "status"),
    [
        (KEEPS, run("leaks", "flat"), 0),
        (KEEPS, run("flat", "flat"), 1),
        (KEEPS, run("leaks", "leaks"), 1),
        (KEEPS, run("leaks", "inconclusive"), 3),
        (CYCLES, run("flat", "flat", cycles=6), 0),
        (CYCLES, run("flat", "flat", cycles=0.1), 1),
        (CYCLES, run("flat", "flat"), 1),
        (CYCLES, run("flat", "flat", cycles=6, fixed_cycles=6), 1),
        (CYCLES, run("flat", "flat", cycles=6, fixed_cycles=None), 1),
        (CYCLES, run("leaks", "flat", cycles=6), 1),
    ],
)
def test_the_lab_behaved_if_both_arms_did_as_the_twin_says(twin: Twin, ran: Run, status: int) -> None:
    """Cycles are part of it, where the twin makes some: memory is flat then, and would prove nothing."""
    assert status_of(ran, twin) == status


def test_of_the_headline_the_last_line_is_one_and_names_no_twin() -> None:
    """Its two sentences are the whole story."""
    green = "[bold green]The lab behaved as it must: the reused error leaks, the fresh one does not.[/]"
    assert list(words(run("leaks", "flat"), HEADLINE, 60, RATE)) == [green]
    inconclusive = "[bold yellow]Inconclusive. Give it longer: make demo DEMO_SECONDS=120[/]"
    assert list(words(run("leaks", "inconclusive"), HEADLINE, 60, RATE)) == [inconclusive]


def test_of_another_twin_the_last_lines_say_what_was_expected_and_why() -> None:
    """With the reason that the catalogue gives for each arm."""
    assert list(words(run("leaks", "flat"), KEEPS, 60, RATE)) == [
        "[bold green]The lab behaved as it must: reused leaks, factory is flat.[/]",
        "reused (leaky): why leaky",
        "factory (fixed): why fixed \\[fixed]",
    ]
    assert "make demo TWIN=some DEMO_SECONDS=60" in next(words(run("leaks", "inconclusive"), KEEPS, 20, RATE))


def test_of_a_twin_that_makes_cycles_the_figures_of_both_arms_are_said() -> None:
    """A figure that there is none of is a dash."""
    *_, last = words(run("flat", "flat", cycles=6, fixed_cycles=None), CYCLES, 60, RATE)
    assert last == "Cyclic objects per request, which only the collector frees: reused 6.0, factory –."


def test_of_a_twin_that_slows_down_the_growing_latency_is_said() -> None:
    """From the first requests to the last, of each arm."""
    samples = answered(200) + answered(200, 0.1, arm="factory")
    *_, last = words(run("leaks", "flat", samples=samples), LOGS, 60, RATE)
    assert last == "Latency (p99) from the first requests to the last: reused 5 → 45 ms, factory 0 → 1 ms."


def test_a_load_that_was_not_reached_is_said() -> None:
    """By arm; the seconds in which an arm was restarted are no one's."""
    slow = answered(20) + answered(20, start=60.0)
    assert shortfall(run("leaks", "flat", samples=slow + answered(195, arm="factory")), 200) == (
        "Not all of the load was reached: of 200 requests a second reused answered 20."
    )
    assert not shortfall(run("leaks", "flat", samples=answered(200)), 200)


def test_a_twin_that_slows_down_gets_a_number_of_requests_and_no_rate() -> None:
    """Half as many again as tell its variants apart, over the time that is measured; never more than another twin."""
    assert rate_for(KEEPS, 60, 5) == RATE
    assert rate_for(LOGS, 65, 5) == rate_for(LOGS, 0, 0) == 600 / 60
    assert rate_for(LOGS, 1, 1) == RATE
