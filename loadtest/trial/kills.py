"""Kill a short demo's processes at random moments: nothing may be left over, and next to no samples lost."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice, pairwise, product
from pathlib import Path

import psutil

from loadtest.trial.rows import Plan, Result, Results, Trial, most, result
from loadtest.trial.short_demo import ENDS_WITHIN_S, ShortDemo, in_words, short_demo
from sadpath.errors import Status
from sadpath.watch.report import SAMPLES

TARGETS = ("demo", "arm", "Locust", "helper")
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
SPANS_S = (0.5, 3.0, 10.0)
"""A demo that just begins, one that comes up, and one at any moment: each is as likely."""

INTERVAL_S = 1.0
LOST_S = 5.0
"""More than this is more than a few seconds of samples."""

VERDICTS = {Status.OK, Status.LEAKS, Status.INCONCLUSIVE}
"""The statuses of a demo that ran to its end."""


@dataclass(frozen=True)
class Kill:
    """A signal to one of a demo's processes, so many seconds after its start. `pick` chooses among several alike."""

    target: str
    signal: signal.Signals
    moment_s: float
    pick: float = 0.0

    def __str__(self) -> str:
        return f"{self.signal.name} to {self.target} at {self.moment_s:.2f} s"


@dataclass(frozen=True)
class Hit:
    """What was so when the signal was sent: the time of day, and the seconds that had been sampled."""

    at: float
    sampled_s: float


def plan_kills(count: int, seed: int) -> Iterator[Kill]:
    """Yield the kills: each target with each signal in turn, at moments that the seed decides."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for target, number in islice(cycle(product(TARGETS, SIGNALS)), count):
        yield Kill(target, number, chance.choice(SPANS_S) * chance.random(), chance.random())


def kills(plan: Plan) -> Results:
    """Try them one after another."""
    for number, kill in enumerate(plan_kills(plan.kills, plan.seed)):
        yield attempt(kill, plan.folder / f"kill-{number}")


def attempt(kill: Kill, folder: Path) -> Result:
    """Run a demo, kill, wait for its end, and judge what is left."""
    with short_demo(folder) as demo:
        hit = strike(demo, kill)
        status = demo.status()
        lost = lost_s(demo, hit)
        return result(str(kill), failures(demo, kill, hit, status, lost), lost)


def strike(demo: ShortDemo, kill: Kill) -> Hit | None:
    """Send the signal at its moment, or as soon after as there is such a process; None if there never was."""
    demo.wait(lambda: False, kill.moment_s)
    demo.wait(lambda: demo.part(kill.target), ENDS_WITHIN_S)
    demo.note_ports()
    samples, processes = demo.samples(), demo.part(kill.target)
    if not processes:
        return None
    hit = Hit(time.time(), samples[-1].elapsed_s if samples else 0.0)
    with suppress(psutil.Error):  # it has ended meanwhile
        processes[int(kill.pick * len(processes))].send_signal(kill.signal)
    return hit


def failures(demo: ShortDemo, kill: Kill, hit: Hit | None, status: int | None, lost: float) -> Iterator[str]:
    """Yield each way in which this went wrong."""
    if status not in (expected := expected_statuses(demo, kill, hit)):
        yield f"{in_words(status)}, expected {' or '.join(str(int(one)) for one in sorted(expected))}"
    if status is None:
        demo.mark.end()
    yield from demo.remains()
    if lost > LOST_S:
        yield f"{lost:.1f} s of samples lost"


def expected_statuses(demo: ShortDemo, kill: Kill, hit: Hit | None) -> set[int]:
    """Return what the demo may end with: the signal's own status if it was the one that got it.

    Where something was measured by then it is judged, and a verdict is as good. SIGKILL leaves it no choice.
    """
    if hit is None:
        return set(VERDICTS)
    if kill.target != "demo":
        return {*VERDICTS, Status.FAILED}
    has_measured = demo.samples() and kill.signal != signal.SIGKILL
    return {128 + kill.signal, *(VERDICTS if has_measured else ())}


def lost_s(demo: ShortDemo, hit: Hit | None) -> float:
    """Return the longest time without a sample in a run: within it, and before its processes were killed."""
    samples = demo.samples()
    if not samples:
        return hit.sampled_s if hit else 0.0
    arms = {one.arm: [sample.elapsed_s for sample in samples if sample.arm == one.arm] for one in samples}
    gaps = [later - earlier for times in arms.values() for earlier, later in pairwise(times)]
    at_the_end = hit.at - (demo.reports / SAMPLES).stat().st_mtime if hit else 0.0
    return max(0.0, max([*gaps, at_the_end]) - INTERVAL_S)


def worst(results: Sequence[Result]) -> str:
    """Return the most that was lost."""
    return f"{most(results):.1f} s of samples lost"


TRIAL = Trial("kills", kills, worst)
