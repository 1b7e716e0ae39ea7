"""A check that is ended at a random moment, in whichever way: nothing of it runs on, and no file is left."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from loadtest.ports import free_port, is_listening
from loadtest.server import Server, running
from sadpath.errors import Status
from tests.check.conftest import HERE, shop
from tests.trial.running_check import RunningCheck, running_check
from tests.trial.test_kills import is_ours
from tests.waiting import PATIENCE_S, until

TIMES = 2
SEED = 1
SPANS_S = (0.5, 3.0, 10.0)
"""A check that just begins, one whose service starts, and one at any moment: each is as likely."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL)
CLOSED_TERMINAL = "a closed terminal"
WAYS: dict[str, signal.Signals] = {**{one.name: one for one in SIGNALS}, CLOSED_TERMINAL: signal.SIGHUP}
"""What ends a check, and the signal that the kernel sends for it."""

REPORTED = {Status.OK, Status.INCONCLUSIVE, Status.FAILED}
"""The statuses of a check that has ended before."""

DAEMONIZES = "import os, sys\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
RUNS = "os.execvp(sys.argv[1], sys.argv[1:])"
DEAF = "trap '' INT TERM HUP QUIT; exec \"$@\""
STARTS_OTHERS = 'for one in 1 2 3; do setsid sleep 600 & done; exec "$@"'

COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "uvicorn": shop,
    "two workers": lambda port: [*shop(port), "--workers", "2"],
    "a reloader": lambda port: [*shop(port), "--reload"],
    "a session of its own": lambda port: ["setsid", *shop(port)],
    "a daemon": lambda port: [sys.executable, "-c", DAEMONIZES + RUNS, *shop(port)],
    "a shell that waits": lambda port: ["sh", "-c", '"$@" & wait', "sh", *shop(port)],
    "what starts others": lambda port: ["sh", "-c", STARTS_OTHERS, "sh", *shop(port)],
    "what is deaf": lambda port: ["sh", "-c", DEAF, "sh", sys.executable, "-m", "http.server", str(port)],
    "what never listens": lambda _: ["sleep", "600"],
}
ATTACHED = "a service that runs"
TARGETS = (*COMMANDS, ATTACHED)


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
    for target, way, _ in product(TARGETS, WAYS, range(times)):
        yield Kill(target, way, chance.choice(SPANS_S) * chance.random())


@contextmanager
def arguments_for(target: str, folder: Path) -> Iterator[list[str]]:
    """Yield what names the service; one that runs without us still answers when the block has ended."""
    port = free_port()
    if target != ATTACHED:
        yield ["--", *COMMANDS[target](port)]
        return
    server = Server("shop", shop(port)[1:], folder, port, {"PYTHONPATH": str(HERE)})
    with running(server):
        yield [server.url, "--pid", str(server.pid())]
        assert is_listening(port)


@contextmanager
def strikable(folder: Path, way: str, arguments: list[str]) -> Iterator[tuple[RunningCheck, Callable[[], None]]]:
    """Run a check, in a terminal of its own where that is to be closed, and yield what ends it."""
    options = ["--budget", "60", "--request", "GET /missing", *arguments]
    with ExitStack() as ends:
        if way != CLOSED_TERMINAL:
            check = ends.enter_context(running_check(folder, *options))
            yield check, lambda: check.process.send_signal(WAYS[way])
            return
        ours, theirs = os.openpty()
        ends.callback(lambda: os.close(theirs))
        how = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "preexec_fn": take_terminal}
        check = ends.enter_context(running_check(folder, *options, **how))
        yield check, lambda: os.close(ours)


def take_terminal() -> None:
    """Make standard input the terminal of this session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def judge(kill: Kill, folder: Path) -> list[str]:
    """Run a check and end it, with a status that says so; return what it has left."""
    with arguments_for(kill.target, folder) as arguments, strikable(folder, kill.way, arguments) as (check, strike):
        until(lambda: is_ours(check.process.pid) or check.process.poll() is not None, PATIENCE_S, "the first line")
        with suppress(subprocess.TimeoutExpired):
            check.process.wait(kill.moment_s)
        was_hit = check.process.poll() is None
        strike()
        ended = check.finish()
        assert ended.status in ({128 + WAYS[kill.way]} if was_hit else REPORTED), ended
        return check.left()


@pytest.mark.slow
def test_a_check_of_a_daemon_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    """The representative of those below."""
    assert judge(Kill("a daemon", "SIGTERM", 4.0), tmp_path) == []


@pytest.mark.trial
@pytest.mark.parametrize("kill", list(plan_kills(TIMES, SEED)), ids=str)
def test_a_check_that_is_ended_in_any_way_leaves_nothing(
    kill: Kill, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of ten kinds of service, in six ways, from the very start on."""
    left = judge(kill, tmp_path)
    record_property("left", len(left))
    assert left == []
