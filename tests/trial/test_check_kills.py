"""A check that is ended at a random moment, in whichever way: nothing of it runs on, and no file is left."""

import os
import random
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from tests.check.test_ends import CLOSED, STATUSES, TARGETS, Check, words_of
from tests.leftovers import Leftovers
from tests.trial.conftest import Record, assert_none_left
from tests.trial.test_kills import SPANS_S, is_ours
from tests.waiting import PATIENCE_S, until

TIMES = 2
SEED = 1


@dataclass(frozen=True)
class Kill:
    """How a check of such a service is ended, so many seconds after its first line."""

    target: str
    way: str
    moment_s: float

    def __str__(self) -> str:
        return f"{self.target} and {self.way} at {self.moment_s:.2f} s"


def plan_kills(times: int, seed: int) -> Iterator[Kill]:
    """Yield the kills: each target in each way, at moments that the seed decides."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for target, way, _ in product(TARGETS, STATUSES, range(times)):
        yield Kill(target, way, chance.choice(SPANS_S) * chance.random())


def read_for(check: Check, seconds: float) -> bytes:
    """Return what a check prints within so many seconds."""
    read, deadline = b"", time.monotonic() + seconds
    with suppress(OSError):  # once nobody has the other end
        while (left_s := deadline - time.monotonic()) > 0:
            if select.select([check.terminal], [], [], left_s)[0]:
                read += os.read(check.terminal, 1 << 16)
    return read


def judge(kill: Kill, command: list[str], left: Leftovers, folder: Path) -> None:
    """Run a check and end it: its status says so, and it prints no traceback."""
    check = Check(["--", *command], left, folder / "check.json")
    until(lambda: is_ours(check.process.pid), PATIENCE_S, "the first line of the check")
    printed = read_for(check, kill.moment_s)
    assert check.end(kill.way) == STATUSES[kill.way]
    if kill.way != CLOSED:
        printed += read_for(check, 0.1)
        os.close(check.terminal)
    assert b"Traceback (most recent call last)" not in printed


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environments of other servers are."""
    return tmp_path_factory.getbasetemp() / "environments"


@pytest.mark.trial
@pytest.mark.parametrize("kill", list(plan_kills(TIMES, SEED)), ids=str)
def test_a_check_that_is_ended_in_any_way_leaves_nothing(
    kill: Kill, environments: Path, left: Leftovers, tmp_path: Path, record_property: Record
) -> None:
    """Of ten kinds of service, in six ways, from the very start on."""
    judge(kill, words_of(kill.target, environments), left, tmp_path)
    assert_none_left(left, record_property)
