"""A demo whose processes are killed at random moments: nothing is left over, and next to no samples are lost."""

import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice, pairwise, product
from pathlib import Path

import psutil
import pytest

from sadpath.errors import Status
from tests.running_demo import RunningDemo, running_demo
from tests.waiting import PATIENCE_S, until

KILLS = 60
SEED = 1
TARGETS = ("demo", "arm", "Locust", "helper")
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
SPANS_S = (0.5, 3.0, 10.0)
"""A demo that just begins, one that comes up, and one at any moment: each is as likely."""

SHORT = ("--seconds", "6", "--warm-up", "1", "--rate", "50")
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


def plan_kills(count: int, seed: int) -> Iterator[Kill]:
    """Yield the kills: each target with each signal in turn, at moments that the seed decides."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for target, number in islice(cycle(product(TARGETS, SIGNALS)), count):
        yield Kill(target, number, chance.choice(SPANS_S) * chance.random(), chance.random())


def strike(demo: RunningDemo, kill: Kill) -> float | None:
    """Send the signal so long after the demo's first line, or as soon after as there is such a process.

    Returns the time of day; None if the demo ended before.
    """
    until(lambda: is_ours(demo.process.pid) or demo.process.poll() is not None, PATIENCE_S, "the demo's first line")
    with suppress(subprocess.TimeoutExpired):
        demo.process.wait(kill.moment_s)
    while not (processes := demo.part(kill.target)) and demo.process.poll() is None:
        time.sleep(0.05)
    if not processes:
        return None
    at = time.time()
    with suppress(psutil.Error):  # it has ended meanwhile
        processes[int(kill.pick * len(processes))].send_signal(kill.signal)
    return at


def is_ours(pid: int) -> bool:
    """Whether a process handles SIGTERM as our commands do: until it runs their first line, Python decides."""
    with suppress(OSError):
        if caught := re.search(r"^SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE):
            return bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def expected_statuses(kill: Kill, *, was_hit: bool, has_measured: bool) -> set[int]:
    """Return what the demo may end with: the signal's own status if it was the one that got it.

    Where something was measured by then it is judged, and a verdict is as good. SIGKILL leaves it no choice.
    """
    if not was_hit:
        return set(VERDICTS)
    if kill.target != "demo":
        return {*VERDICTS, Status.FAILED}
    return {128 + kill.signal, *(VERDICTS if has_measured and kill.signal != signal.SIGKILL else ())}


def lost_s(demo: RunningDemo, hit_at: float | None) -> float:
    """Return the longest time without a sample in a run: within it, and before its processes were killed."""
    gaps = []
    for arm in ("reused", "factory"):
        times = [sample.elapsed_s for sample in demo.samples(arm)]
        gaps += [later - earlier for earlier, later in pairwise(times)]
    file = demo.reports / "samples.csv"
    if hit_at and file.exists():
        gaps.append(hit_at - file.stat().st_mtime)
    return max(0.0, max(gaps, default=0.0) - INTERVAL_S)


def judge(kill: Kill, folder: Path) -> None:
    """Run a short demo and kill: it ends with a status that says so, leaves nothing, and loses next to no samples."""
    with running_demo(folder / "reports", *SHORT) as demo:
        hit_at = strike(demo, kill)
        ended = demo.finish()
        has_measured = bool(demo.samples("reused"))
        expected = expected_statuses(kill, was_hit=hit_at is not None, has_measured=has_measured)
        assert ended.status in expected, ended
        assert lost_s(demo, hit_at) <= LOST_S


@pytest.mark.slow
def test_a_kill_while_it_samples_leaves_nothing_and_loses_next_to_no_samples(tmp_path: Path) -> None:
    """The representative of those below: one of the arms, in the middle."""
    judge(Kill("arm", signal.SIGKILL, 6.0), tmp_path)


@pytest.mark.trial
@pytest.mark.parametrize("kill", list(plan_kills(KILLS, SEED)), ids=str)
def test_a_kill_at_any_moment_leaves_nothing_and_loses_next_to_no_samples(kill: Kill, tmp_path: Path) -> None:
    """Of each process, with each signal, from the very start on."""
    judge(kill, tmp_path)


def test_the_kills_cover_every_process_with_every_signal_and_a_seed_repeats_them() -> None:
    """From the very start of a demo on."""
    plan = list(plan_kills(KILLS, SEED))
    assert plan == list(plan_kills(KILLS, SEED)) != list(plan_kills(KILLS, 2))
    assert {(one.target, one.signal) for one in plan} == {(name, number) for name in TARGETS for number in SIGNALS}
    assert min(one.moment_s for one in plan) < 0.1
    assert max(one.moment_s for one in plan) < 10


def test_the_status_has_to_be_that_of_the_signal() -> None:
    """If the demo itself got it, and nothing was measured yet; later a verdict is as good, but not after SIGKILL."""
    kills = {number: Kill("demo", number, 0.0) for number in SIGNALS}
    statuses = {number: expected_statuses(kill, was_hit=True, has_measured=False) for number, kill in kills.items()}
    assert statuses == {signal.SIGKILL: {137}, signal.SIGINT: {130}, signal.SIGTERM: {143}}
    assert expected_statuses(kills[signal.SIGINT], was_hit=True, has_measured=True) == {130, 0, 1, 3}
    assert expected_statuses(kills[signal.SIGKILL], was_hit=True, has_measured=True) == {137}
    assert expected_statuses(Kill("arm", signal.SIGKILL, 0.0), was_hit=True, has_measured=True) == {0, 1, 3, 4}
    assert expected_statuses(kills[signal.SIGINT], was_hit=False, has_measured=True) == {0, 1, 3}
