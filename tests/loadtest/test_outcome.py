"""What the demo says of a run: while it runs, and at the end, given what the catalogue expects of the twin."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from loadtest.catalogue import FIGURES, Twin, read_twin
from loadtest.outcome import RATE, cells, expected_of, line, rate_for, shortfall, status_of, table, words
from sadpath.sources import Reading
from sadpath.verdict.verdict import Outcome, Verdict
from sadpath.watch.report import Run
from sadpath.watch.run import Conditions
from sadpath.watch.sample_file import Latency, Sample


def described(**expected: list[float]) -> dict[str, Any]:
    """What an arm returns for a twin whose leaky variant is expected to do this, and its fixed one nothing."""
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


RETAINS = read_twin(described(bytes_per_request=[16_500, 20_000]))
CYCLES = read_twin(described(cyclic_objects_per_request=[3, 60]))
LOGS = read_twin(described(bytes_per_request=[16_500, 20_000], log_bytes_added_per_request=[100, 500]))
HEADLINE = replace(RETAINS, slug="asgi-middleware")


def run(
    leaky: Outcome,
    fixed: Outcome,
    *,
    cycles: float | None = None,
    fixed_cycles: float | None = 0.0,
    samples: list[Sample] | None = None,
) -> Run:
    """A run that was decided so."""
    verdicts = {
        "leaky": Verdict(leaky, "", cyclic_objects_per_request=cycles),
        "fixed": Verdict(fixed, "", cyclic_objects_per_request=fixed_cycles),
    }
    return Run(samples or [], Conditions(), verdicts)


def answered(each: int, p99_ms: float = 5.0, *, arm: str = "leaky", start: float = 1.0) -> list[Sample]:
    """Ten seconds of one arm that answers so many requests a second, each more slowly than the last."""
    readings = [Reading(2**20, start_time_s=start, requests=each * at) for at in range(11)]
    return [
        Sample(start + at, arm, "measured", reading, Latency(1, p99_ms * at)) for at, reading in enumerate(readings)
    ]


@pytest.mark.parametrize(
    ("retained", "outcome"),
    [([16_500, 20_000], "leaks"), ([257, 400], "leaks"), ([50, 400], "flat"), ([-256, 256], "flat"), ([0, 0], "flat")],
)
def test_an_arm_must_leak_if_all_that_it_may_retain_is_above_what_is_called_flat(
    retained: list[float], outcome: Outcome
) -> None:
    """A hundred bytes a request, or a range that reaches down to them, is no leak that this verdict could call one."""
    twin = read_twin(described(bytes_per_request=retained))
    assert expected_of(twin) == {"leaky": outcome, "fixed": "flat"}


@pytest.mark.parametrize(
    ("twin", "ran", "status"),
    [
        (RETAINS, run("leaks", "flat"), 0),
        (RETAINS, run("flat", "flat"), 1),
        (RETAINS, run("leaks", "leaks"), 1),
        (RETAINS, run("leaks", "inconclusive"), 3),
        (CYCLES, run("flat", "flat", cycles=6), 0),
        (CYCLES, run("flat", "flat", cycles=0.1), 1),
        (CYCLES, run("flat", "flat"), 1),
        (CYCLES, run("flat", "flat", cycles=6, fixed_cycles=6), 1),
        (CYCLES, run("flat", "flat", cycles=6, fixed_cycles=None), 1),
        (CYCLES, run("leaks", "flat", cycles=6), 1),
    ],
)
def test_the_status_is_ok_if_both_arms_behave_as_the_twin_expects(twin: Twin, ran: Run, status: int) -> None:
    """Cycles are part of it, where the twin makes some: memory is flat then, and would prove nothing."""
    assert status_of(ran, twin) == status


def test_the_headline_ends_with_one_line() -> None:
    """It needs no explanation, and the command for a longer run names no twin."""
    green = "[bold green]All verdicts are as expected: leaky leaks, fixed is flat.[/]"
    assert list(words(run("leaks", "flat"), HEADLINE, 60, RATE)) == [green]
    inconclusive = "[bold yellow]Inconclusive. Run for longer: make demo DEMO_SECONDS=120[/]"
    assert list(words(run("leaks", "inconclusive"), HEADLINE, 60, RATE)) == [inconclusive]


def test_another_twin_ends_with_what_was_expected_and_why() -> None:
    """With the reason that the catalogue gives for each arm."""
    assert list(words(run("leaks", "flat"), RETAINS, 60, RATE)) == [
        "[bold green]All verdicts are as expected: leaky leaks, fixed is flat.[/]",
        "leaky: why leaky",
        "fixed: why fixed \\[fixed]",
    ]
    assert "make demo TWIN=some DEMO_SECONDS=60" in next(words(run("leaks", "inconclusive"), RETAINS, 20, RATE))


def test_a_twin_that_makes_cycles_ends_with_the_figures_of_both_arms() -> None:
    """An unknown figure is a dash."""
    *_, last = words(run("flat", "flat", cycles=6, fixed_cycles=None), CYCLES, 60, RATE)
    assert (
        last == "Objects in reference cycles per request, which only the garbage collector frees: leaky 6.0, fixed –."
    )


def test_a_twin_that_slows_down_ends_with_the_growing_latency() -> None:
    """From the first requests to the last, of each arm."""
    samples = answered(200) + answered(200, 0.1, arm="fixed")
    *_, last = words(run("leaks", "flat", samples=samples), LOGS, 60, RATE)
    assert last == "Latency (p99) from the first requests to the last: leaky 5 → 45 ms, fixed 0 → 1 ms."


def test_a_load_that_was_not_reached_is_reported() -> None:
    """By arm; the seconds in which an arm was restarted are no one's."""
    slow = answered(20) + answered(20, start=60.0)
    assert shortfall(run("leaks", "flat", samples=slow + answered(195, arm="fixed")), 200) == (
        "The load was not reached: of 200 requests per second leaky answered 20."
    )
    assert not shortfall(run("leaks", "flat", samples=answered(200)), 200)


def test_unexpected_verdicts_are_named() -> None:
    """What was expected, and what came; the reference cycles too, where the twin makes some."""
    first = next(words(run("flat", "leaks"), RETAINS, 60, RATE))
    assert first == "[bold red]Not as expected: expected leaky leaks, fixed is flat; got leaky is flat, fixed leaks.[/]"
    assert "fixed is flat, with reference cycles in leaky; got" in next(words(run("flat", "flat"), CYCLES, 60, RATE))


def test_a_twin_that_slows_down_gets_a_number_of_requests_and_no_rate() -> None:
    """Half as many again as distinguish its variants, over the time that is measured; never more than another twin."""
    assert rate_for(RETAINS, 60, 5) == RATE
    assert rate_for(LOGS, 65, 5) == rate_for(LOGS, 0, 0) == 600 / 60
    assert rate_for(LOGS, 1, 1) == RATE


MIB = 2.0**20


def sample(arm: str, memory_mib: float, *, started: float = 1.0, p99_ms: float | None = 12.0) -> Sample:
    """A sample with round figures."""
    reading = Reading(memory_mib * MIB, start_time_s=started, requests=1234, traceback_entries=567)
    return Sample(1.0, arm, "measured", reading, Latency(5.0, p99_ms))


def test_a_row_has_memory_growth_entries_requests_and_latency() -> None:
    """Each with its unit."""
    assert cells(Run([sample("reused", 40), sample("reused", 90)]), "reused") == [
        "90 MiB",
        "+50 MiB",
        "567",
        "1,234",
        "12 ms",
        "0",
    ]


def test_growth_is_within_the_current_lifetime() -> None:
    """After a restart it begins again, and the restart is counted."""
    before, after = sample("reused", 400), sample("reused", 40, started=2.0)
    shown = cells(Run([before, after, sample("reused", 41, started=2.0)]), "reused")
    assert (shown[1], shown[-1]) == ("+1 MiB", "1")


def test_what_was_not_read_is_a_dash() -> None:
    """And not a zero."""
    assert cells(Run([Sample(1.0, "reused", "measured", None, missing="gone")]), "reused") == ["–"] * 6
    assert cells(Run([sample("reused", 40, p99_ms=None)]), "reused")[-2] == "–"


def test_the_table_names_each_arm() -> None:
    """As it is drawn in a terminal of eighty columns."""
    console = Console(file=StringIO(), width=80)
    samples = [sample("reused", 40), sample("factory", 41)]
    console.print(table(Run(samples), "1 of 60 s"))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert [text.split()[1] for text in drawn.splitlines() if text.startswith("│ ")] == ["reused", "factory"]
    assert max(map(len, drawn.splitlines())) <= 80
    assert "1 of 60 s" in drawn


def test_without_a_terminal_the_state_is_one_line() -> None:
    """So that it can be piped."""
    assert (
        line(Run([sample("reused", 40)])) == "reused 40 MiB (+0 MiB), 567 retained entries, 1,234 requests, p99 12 ms"
    )
