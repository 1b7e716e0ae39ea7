"""What a demo says of its run: its state in the terminal while it runs, and at the end whether the verdicts are as the
twin expects. Pure functions.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from statistics import median

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from loadtest.catalogue import Twin
from sadpath.errors import Status
from sadpath.verdict.verdict import Outcome
from sadpath.watch.run import Lifetime, Run

RATE = 200.0
"""Requests a second, for each arm, where the twin can answer them."""

UNTIL_STOPPED_S = 60.0
"""How long a run until Ctrl-C is assumed to last."""

ENOUGH = 1.5
"""Requests of a twin that slows down, as a multiple of what distinguishes its variants."""

REACHED = 0.9
"""Share of the rate from which it counts as reached: a machine is never idle."""

ENDS = 3
"""Samples at each end of a run that are compared."""

STYLES = ("bold dark_orange3", "bold dodger_blue2")
"""The colours of the arms, as in the charts: the leaky one first."""

HEADINGS = ("arm", "memory", "growth", "retained entries", "requests", "p99 now", "restarts")
UNKNOWN = "–"


def rate_for(twin: Twin, seconds: float, warm_up: float) -> float:
    """Return a rate that both arms can answer.

    Where each request costs more than the one before, the cost grows with the square of the requests, so their number
    is chosen, and not the rate.
    """
    if not twin.slows_down:
        return RATE
    return min(RATE, ENOUGH * twin.requests / max((seconds or UNTIL_STOPPED_S) - warm_up, 1.0))


def table(run: Run, caption: str) -> Table:
    """Return the state of all arms as a table."""
    arms = zip(cycle(STYLES), run.arms, strict=False)
    view = Table(caption=caption, caption_justify="left", caption_style="")
    for heading in HEADINGS:
        view.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=" " not in heading)
    for style, arm in arms:
        view.add_row(Text(arm, style), *cells(run, arm))
    return view


def line(run: Run) -> str:
    """Return the state of all arms as one line, for an output that is not a terminal."""
    parts = []
    for arm in run.arms:
        memory, growth, entries, requests, p99, _ = cells(run, arm)
        parts.append(f"{arm} {memory} ({growth}), {entries} retained entries, {requests} requests, p99 {p99}")
    return "; ".join(parts)


def cells(run: Run, arm: str) -> list[str]:
    """Return the figures of one arm as text, as in `HEADINGS`: growth is within the current process lifetime.

    Restarts are counted as the verdict counts them: by the process lifetimes that were sampled.
    """
    if not run.lifetimes[arm]:
        return [UNKNOWN] * (len(HEADINGS) - 1)
    lifetime = run.lifetimes[arm][-1]
    first, last = lifetime.first, lifetime.last
    times = (sample.latency.p99_ms for sample in reversed(lifetime.samples))
    p99 = next((time for time in times if time is not None), None)
    return [
        f"{last.memory_bytes / 2**20:,.0f} MiB",
        f"{(last.memory_bytes - first.memory_bytes) / 2**20:+,.0f} MiB",
        _count(last.traceback_entries),
        _count(last.requests),
        UNKNOWN if p99 is None else f"{p99:,.0f} ms",
        str(run.restarts(arm)),
    ]


def expected_of(twin: Twin) -> dict[str, Outcome]:
    """Return the expected verdict of each arm."""
    return {arm: variant.outcome for arm, variant in twin.arms.items()}


def status_of(run: Run, twin: Twin) -> Status:
    """Return the exit status: whether the verdicts, and the reference cycles that the twin makes, are as expected."""
    outcomes = _outcomes(run)
    if outcomes == expected_of(twin):
        return Status.OK if _has_its_cycles(run, twin) else Status.LEAKS
    return Status.INCONCLUSIVE if "inconclusive" in outcomes.values() else Status.LEAKS


def words(run: Run, twin: Twin, seconds: int, rate: float) -> Iterator[str]:
    """Yield what was decided about a load of so many seconds and requests per second, in rich's markup."""
    status = status_of(run, twin)
    expected = _in_words(expected_of(twin))
    if status == Status.INCONCLUSIVE:
        yield f"[bold yellow]Inconclusive. Run for longer: {longer(twin, seconds)}[/]"
    elif status == Status.LEAKS:
        cycles = f", with reference cycles in {twin.leaky}" if twin.fewest_cyclic_objects else ""
        yield f"[bold red]Not as expected: expected {expected}{cycles}; got {_in_words(_outcomes(run))}.[/]"
    else:
        yield f"[bold green]All verdicts are as expected: {expected}.[/]"
    if not twin.is_headline:
        yield from _reasons(run, twin)
        yield from filter(None, [shortfall(run, rate)])


def longer(twin: Twin, seconds: int) -> str:
    """Return the command for a longer run of the same."""
    choice = "" if twin.is_headline else f" TWIN={shlex.quote(twin.slug)}"
    return f"make demo{choice} DEMO_SECONDS={max(60, 2 * seconds)}"


def shortfall(run: Run, rate: float) -> str:
    """Return which arms answered fewer requests than were planned; empty where both answered theirs."""
    reached = {arm: run.requests_per_second(arm) for arm in run.arms}
    short = [f"{arm} answered {most:.3g}" for arm, most in reached.items() if most and most < REACHED * rate]
    return f"The load was not reached: of {rate:.3g} requests per second {', '.join(short)}." if short else ""


def _reasons(run: Run, twin: Twin) -> Iterator[str]:
    """Why each arm behaves as expected, and the figures besides memory in which this twin shows."""
    for arm, variant in twin.arms.items():
        yield f"{arm}: {escape(variant.why.replace('`', ''))}"
    if twin.fewest_cyclic_objects:
        cycles = {arm: verdict.cyclic_objects_per_request for arm, verdict in run.verdicts.items()}
        yield f"Objects in reference cycles per request, which only the garbage collector frees: {_figures(cycles)}."
    if twin.slows_down:
        changes = [f"{arm} {change}" for arm, ours in run.lifetimes.items() if (change := _slower(ours))]
        yield f"Latency (p99) from the first requests to the last: {', '.join(changes) or 'not measured'}."


def _in_words(outcomes: Mapping[str, Outcome]) -> str:
    return ", ".join(f"{arm} {outcome if outcome == 'leaks' else f'is {outcome}'}" for arm, outcome in outcomes.items())


def _outcomes(run: Run) -> dict[str, Outcome]:
    return {arm: verdict.outcome for arm, verdict in run.verdicts.items()}


def _figures(figures: Mapping[str, float | None]) -> str:
    return ", ".join(f"{arm} {UNKNOWN if figure is None else f'{figure:,.1f}'}" for arm, figure in figures.items())


def _has_its_cycles(run: Run, twin: Twin) -> bool:
    """Whether the leaky arm makes the reference cycles that are expected, and the fixed one does not."""
    leaky, fixed = (run.verdicts[arm].cyclic_objects_per_request for arm in twin.arms)
    fewest = twin.fewest_cyclic_objects
    return not fewest or (leaky is not None and fixed is not None and fixed < fewest <= leaky)


def _slower(lifetimes: Sequence[Lifetime]) -> str:
    samples = [one for lifetime in lifetimes for one in lifetime.samples if one.phase == "measured"]
    times = [one.latency.p99_ms for one in samples if one.latency.p99_ms is not None]
    return f"{median(times[:ENDS]):,.0f} → {median(times[-ENDS:]):,.0f} ms" if len(times) >= 2 * ENDS else ""


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"
