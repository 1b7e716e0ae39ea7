import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sadpath.lifeline import KILLED, LAST_BYTES, MOST_OF_A_LOG, Child
from tests.waiting import until

PATIENCE_S = 100.0
PYTHON = sys.executable
WITH_GRANDCHILD = ["sh", "-c", "sleep 600 & echo $$ $!; wait"]
DAEMONIZES = """\
import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print(os.getpid(), flush=True)
time.sleep(600)
"""
DAEMON = [PYTHON, "-c", DAEMONIZES]
"""It leaves its group, its session and its parent."""

HOPS = """\
import os, time
os.setsid()
for _ in range(5_000):
    if os.fork(): os._exit(0)
    print("hop", flush=True)
    time.sleep(0.001)
"""
DEAF = ["sh", "-c", "trap '' TERM INT; echo deaf; while :; do sleep 0.05; done"]
Start = Callable[..., Child]

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start commands that end with the test."""
    children: list[Child] = []

    def start(*command: str, env: dict[str, str] | None = None, follow: bool = False) -> Child:
        children.append(Child(command, tmp_path / "log", env, follow=follow))
        return children[-1]

    yield start
    for child in children:
        child.stop(patience_s=0)


def ended(child: Child) -> int:
    """Wait for the end of a command, and return its status."""
    until(lambda: child.status() is not None, PATIENCE_S, "the end of the command")
    status = child.status()
    assert status is not None
    return status


def printed_pids(log: Path, count: int) -> list[psutil.Process]:
    """Wait until the command has printed the numbers of its processes."""
    until(
        lambda: log.exists() and len(log.read_text().split()) == count and log.read_text().endswith("\n"),
        PATIENCE_S,
        "pids",
    )
    return [psutil.Process(int(pid)) for pid in log.read_text().split()]


def is_gone(process: psutil.Process) -> bool:
    """Whether a process ended; one that only waits to be reaped has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def safe_cmdline(process: psutil.Process) -> list[str]:
    """The words of a process, none of one that has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_running_command_has_no_status(start: Start) -> None:
    """While the command runs, its status is None."""
    assert start("sleep", "60").status() is None


def test_a_command_that_ended_has_its_status_and_its_last_line(start: Start) -> None:
    """The exit status is the command's own, and its last line is mostly why."""
    child = start("sh", "-c", "echo begun; echo 'no such table' >&2; echo; exit 3")
    assert (ended(child), child.last_line()) == (3, "no such table")


def test_a_command_that_said_nothing_has_an_empty_last_line(start: Start) -> None:
    """Of a log without a line, the last one is empty."""
    child = start("true")
    assert (ended(child), child.last_line()) == (0, "")


def test_a_log_that_is_no_text_has_a_last_line(start: Start) -> None:
    """Bytes that are no UTF-8 do not hide the last line."""
    child = start("printf", r"\377\n\376 end\n")
    ended(child)
    assert child.last_line().endswith(" end")


def test_of_a_large_log_the_end_is_read(start: Start) -> None:
    """Of a log of a gigabyte the last lines take no more memory than those of a short one."""
    child = start("true")
    ended(child)
    with child.log.open("ab") as log:
        log.truncate(1 << 30)
    with child.log.open("ab") as log:
        log.write(b"\nno such table\n")
    tracemalloc.start()
    assert child.last_line() == "no such table"
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_log_that_grows_without_end_is_cut(start: Start) -> None:
    """It does not fill the disk, and its last line stays."""
    child = start("sh", "-c", f"yes | head -c {MOST_OF_A_LOG + 2}; echo the last; exec sleep 600")
    until(lambda: child.last_line() == "the last" and child.log.stat().st_size <= LAST_BYTES, PATIENCE_S, "the cut")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_command_has_a_shells_status(start: Start, number: signal.Signals) -> None:
    """A command that a signal killed has the status 128 and the signal's number."""
    assert ended(start("sh", "-c", f"kill -{number.value} $$")) == 128 + number


def test_a_command_that_does_not_exist_says_so(start: Start) -> None:
    """A command that does not exist ends as in a shell: with 127 and a line that names it."""
    child = start("no-such-command", "--at-all")
    assert (ended(child), child.last_line()) == (127, "no-such-command: No such file or directory")


def test_a_command_gets_the_environment_that_it_was_given(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command has our environment and, on top of it, what it was given."""
    monkeypatch.setenv("OURS", "1")
    child = start("sh", "-c", "echo $OURS $THEIRS", env={"THEIRS": "2"})
    ended(child)
    assert child.last_line() == "1 2"


def test_a_log_is_continued(start: Start) -> None:
    """A command that is started again adds to the log of its first run."""
    first = start("echo", "first")
    ended(first)
    ended(start("echo", "second"))
    assert first.log.read_text() == "first\nsecond\n"


def test_a_command_may_be_started_in_any_folder(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command runs wherever we are, even beside files named like modules of the standard library."""
    (tmp_path / "signal.py").write_text("raise RuntimeError('not the standard one')\n")
    monkeypatch.chdir(tmp_path)
    child = start("pwd")
    assert (ended(child), child.last_line()) == (0, str(tmp_path))


def test_stop_asks_first(start: Start) -> None:
    """A command that ends on its own when it is asked has its own status."""
    child = start("sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: child.last_line() == "ready", PATIENCE_S, "the command")
    assert child.stop() == 5


def test_stop_asks_with_the_signal_that_it_is_told(start: Start) -> None:
    """A command that leaves its report on SIGINT can be asked with that."""
    child = start("sh", "-c", "trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done")
    until(lambda: child.last_line() == "ready", PATIENCE_S, "the command")
    assert child.stop(signal.SIGINT) == 6


def test_stop_kills_what_does_not_listen(start: Start) -> None:
    """A command that ignores the signal is killed when patience runs out, and not before."""
    child = start(*DEAF)
    until(lambda: child.last_line() == "deaf", PATIENCE_S, "the command")
    began = time.monotonic()
    assert child.stop(patience_s=0.3) == KILLED
    assert 0.3 <= time.monotonic() - began < 5


def test_stop_returns_the_status_of_what_ended_before(start: Start) -> None:
    """Stopping a command that ended already changes nothing, as often as it is done."""
    child = start("sh", "-c", "exit 3")
    ended(child)
    assert [child.stop(), child.stop()] == [3, 3]


def test_a_grandchild_ends_with_the_command(start: Start) -> None:
    """What the command started ends with it when it is stopped."""
    child = start(*WITH_GRANDCHILD)
    processes = printed_pids(child.log, 2)
    child.stop()
    until(lambda: all(map(is_gone, processes)), PATIENCE_S, "the end of both")


def test_what_a_command_leaves_behind_is_ended(start: Start) -> None:
    """What a command started and left behind when it ended does not run on."""
    child = start("sh", "-c", "sleep 600 & echo $!")
    assert ended(child) == 0
    until(lambda: not psutil.pid_exists(int(child.last_line())), PATIENCE_S, "its end")


@linux
def test_a_daemon_ends_with_the_command_that_started_it(start: Start) -> None:
    """What has left the command's group, its session and its parent does not run on either."""
    child = start("sh", "-c", '"$@"; sleep 600', "sh", *DAEMON)
    (daemon,) = printed_pids(child.log, 1)
    child.stop()
    assert is_gone(daemon)


@linux
def test_a_daemon_that_is_followed_is_the_command(start: Start) -> None:
    """Where a command ended well and left a daemon, that runs, gets the signals, and its status is the command's."""
    child = start(*DAEMON, follow=True)
    (daemon,) = printed_pids(child.log, 1)
    until(lambda: daemon.ppid() == child.pid, PATIENCE_S, "the end of what started it")
    assert child.status() is None
    assert child.stop() == 128 + signal.SIGTERM


@linux
def test_what_starts_others_until_it_is_killed_is_killed(start: Start) -> None:
    """A process that moves on to a child of its own all the time is caught."""
    child = start(PYTHON, "-c", HOPS, follow=True)
    until(lambda: len(child.lines()) > 10, PATIENCE_S, "some hops")
    child.stop(signal.SIGKILL)
    assert not [one for one in psutil.process_iter() if HOPS in safe_cmdline(one)]


@pytest.mark.parametrize("command", [WITH_GRANDCHILD, pytest.param(DAEMON, marks=linux)])
def test_nothing_outlives_an_owner_that_is_killed(tmp_path: Path, command: list[str]) -> None:
    """When the owning process is killed so that it can do nothing more, the command and what it started end."""
    program = (
        "import pathlib, sys, time; from sadpath.lifeline import Child\n"
        "child = Child(sys.argv[2:], pathlib.Path(sys.argv[1]), follow=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([PYTHON, "-c", program, tmp_path / "log", *command]) as owner:
        try:
            processes = printed_pids(tmp_path / "log", 2 if command is WITH_GRANDCHILD else 1)
            processes += psutil.Process(owner.pid).children()
        finally:
            owner.kill()
    until(lambda: all(map(is_gone, processes)), PATIENCE_S, "the end of all")


def test_a_kill_of_the_process_between_is_reported(start: Start) -> None:
    """When the small process between is killed, the status shows it and the command is ended."""
    child = start(*WITH_GRANDCHILD)
    processes = printed_pids(child.log, 2)
    between = processes[0].parent()
    assert between is not None
    between.kill()
    assert ended(child) == KILLED
    until(lambda: all(map(is_gone, processes)), PATIENCE_S, "the end of both")


def test_an_ended_command_leaves_no_file_open(start: Start) -> None:
    """A command that ended keeps no file of ours open, so that one restarted for days does not use them up."""
    before = psutil.Process().num_fds()
    for _ in range(3):
        start("true").stop()
    assert psutil.Process().num_fds() == before
