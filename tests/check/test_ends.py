"""However a check ends, nothing that it started runs on, and nothing of it stays in the temporary folder."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from loadtest.ports import free_port
from sadpath.check.service.listening import is_taken
from sadpath.errors import Status
from tests.check.conftest import HERE, check
from tests.check.environments import environment
from tests.leftovers import Leftovers
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")

SERVICES = HERE / "services"
PYTHON = sys.executable

DAEMON = "import os, sys; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); {then}"
DEAF = "import os, signal as s, sys; [s.signal(one, s.SIG_IGN) for one in (s.SIGHUP, s.SIGINT, s.SIGTERM)]; {then}"
THEN = "os.execv(sys.argv[1], sys.argv[1:])"

SCRIPT = f"{PYTHON} plain.py {{port}}"
UVICORN = f"{PYTHON} -m uvicorn plain:asgi --port {{port}}"
GUNICORN = "{bin}/gunicorn plain:wsgi --workers 2 --bind 127.0.0.1:{port}"
TARGETS = {
    "uvicorn": UVICORN,
    "uvicorn with workers": f"{UVICORN} --workers 2",
    "setsid": f"setsid {UVICORN}",
    "setsid --fork": f"setsid --fork {UVICORN}",
    "a daemon": f"{PYTHON} -c '{DAEMON.format(then=THEN)}' {SCRIPT}",
    "a shell": f"sh -c '{SCRIPT} & wait'",
    "a shell that leaves": f"sh -c '{SCRIPT} &'",
    "deaf": f"{PYTHON} -c '{DEAF.format(then=THEN)}' {SCRIPT}",
    "gunicorn": GUNICORN,
    "gunicorn --daemon": f"{GUNICORN} --daemon",
}

CLOSED = "a closed terminal"
STATUSES = {
    "SIGINT": 128 + signal.SIGINT,
    "SIGTERM": 128 + signal.SIGTERM,
    "SIGHUP": 128 + signal.SIGHUP,
    CLOSED: 128 + signal.SIGHUP,
    "SIGQUIT": -signal.SIGQUIT,
    "SIGKILL": -signal.SIGKILL,
}
"""What ends a check, and its status."""

FEW = {
    ("setsid --fork", "SIGINT"),
    ("a shell", "SIGTERM"),
    ("uvicorn", "SIGHUP"),
    ("setsid", CLOSED),
    ("uvicorn with workers", "SIGQUIT"),
    ("a daemon", "SIGKILL"),
}
"""Tried on every change: each target that is quick to start, and each end."""

GRID = [
    pytest.param(target, end, marks=[] if (target, end) in FEW else [pytest.mark.slow, pytest.mark.exhaustive])
    for target in TARGETS
    for end in STATUSES
]


ERASE_LINE = b"\x1b[2K"


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Leftovers]:
    """What a test leaves."""
    left = Leftovers(tmp_path / "temporary")
    yield left
    left.end()


def words_of(target: str, folder: Path) -> list[str]:
    """Return the words of a target, in an environment with gunicorn, in this folder, where it needs one."""
    command = TARGETS[target]
    place = environment(folder, "{}.{}".format(*sys.version_info), "gunicorn") if "{bin}" in command else Path()
    return shlex.split(command.replace("{bin}", str(place)))


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Return the words of a target."""
    return lambda target: words_of(target, tmp_path_factory.getbasetemp() / "environments")


class Check:
    """A check that runs, of a service on `port`, with a terminal of its own as its output."""

    def __init__(self, target: list[str], left: Leftovers, json_file: Path, runner: Sequence[str] = ()) -> None:
        self.port = free_port()
        typed = [*runner, PYTHON, "-m", "sadpath", "check", "--json", str(json_file), "--request", "GET /slow"]
        self.json_file = json_file
        self.terminal, ours = os.openpty()
        self.process = subprocess.Popen(
            [*typed, *(word.replace("{port}", str(self.port)) for word in target)],
            cwd=SERVICES,
            env={**left.environment, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(SERVICES)])},
            stdin=ours,
            stdout=ours,
            stderr=ours,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(ours, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads
        )
        os.close(ours)

    def wait_until_it_measures(self) -> None:
        """Wait until its line of progress is drawn anew."""
        read = b""
        while ERASE_LINE not in read:
            try:
                read += os.read(self.terminal, 1 << 16)
            except OSError:
                raise AssertionError(f"it ended: {read!r}") from None

    def end(self, how: str) -> int:
        """End it, and return its status."""
        if how == CLOSED:
            os.close(self.terminal)
        else:
            self.process.send_signal(signal.Signals[how])
        return self.process.wait(PATIENCE_S)


@pytest.mark.parametrize(("target", "end"), GRID)
def test_nothing_is_left(
    target: str, end: str, commands: Callable[[str], list[str]], left: Leftovers, tmp_path: Path
) -> None:
    """Neither of what left its group, its session and its parent, nor in the temporary folder."""
    check = Check(["--", *commands(target)], left, tmp_path / "check.json")
    check.wait_until_it_measures()
    assert check.end(end) == STATUSES[end]
    left.assert_none()


def test_what_was_measured_before_the_terminal_was_closed_is_written(left: Leftovers, tmp_path: Path) -> None:
    """A line that cannot be written to it ends nothing."""
    check = Check(["--", *shlex.split(TARGETS["uvicorn"])], left, tmp_path / "check.json")
    check.wait_until_it_measures()
    check.end(CLOSED)
    summary = json.loads(check.json_file.read_text())
    assert summary["ended_early"] == "interrupted"
    assert summary["paths"][0]["verdict"] == "inconclusive"


def test_a_daemon_ends_with_its_check_also_where_its_adopter_was_killed(left: Leftovers, tmp_path: Path) -> None:
    """The small process that would end it is gone; the check ends what it has seen of it."""
    check = Check(["--", *shlex.split(TARGETS["a daemon"])], left, tmp_path / "check.json")
    check.wait_until_it_measures()
    next(one for one in left.processes() if "follow" in one.cmdline()).kill()
    check.end("SIGTERM")
    left.assert_none()


def test_nohup_is_respected(left: Leftovers, tmp_path: Path) -> None:
    """A check that was started to outlive its terminal does not end with SIGHUP."""
    check = Check(
        ["--", *shlex.split(TARGETS["uvicorn"])],
        left,
        tmp_path / "check.json",
        runner=("sh", "-c", "trap '' HUP; exec \"$@\"", "sh"),
    )
    check.wait_until_it_measures()
    check.process.send_signal(signal.SIGHUP)
    assert check.end("SIGTERM") == STATUSES["SIGTERM"]
    left.assert_none()


def its_folder(pid: int) -> Path:
    """The folder of a check, as the process that removes it was told."""
    (command,) = [one.cmdline() for one in psutil.Process(pid).children() if "temporary.py" in " ".join(one.cmdline())]
    return Path(command[-1])


def test_a_check_of_a_service_that_runs_leaves_no_file_when_it_is_killed(left: Leftovers, tmp_path: Path) -> None:
    """No process of ours is there that it has started, but for the one that removes the folder."""
    port = free_port()
    with subprocess.Popen([PYTHON, "plain.py", str(port)], cwd=SERVICES, stderr=subprocess.DEVNULL) as service:
        try:
            until(lambda: is_taken(port), PATIENCE_S, "the service")
            target = [f"http://127.0.0.1:{port}", "--pid", str(service.pid)]
            check = Check(target, left, tmp_path / "check.json")
            check.wait_until_it_measures()
            folder = its_folder(check.process.pid)
            assert folder.is_dir()
            check.end("SIGKILL")
            left.assert_none()
            until(lambda: not folder.exists(), PATIENCE_S, "the end of its folder")
            assert is_taken(port)
        finally:
            service.kill()


@pytest.mark.parametrize(
    "target",
    ["a daemon", "a shell that leaves", pytest.param("gunicorn --daemon", marks=[pytest.mark.slow])],
)
def test_a_service_that_its_command_leaves_behind_is_measured(
    target: str, commands: Callable[[str], list[str]], tmp_path: Path
) -> None:
    """As one that was started by a command that stays."""
    command = [word.replace("{port}", str(free_port())) for word in commands(target)]
    found = check(tmp_path, "--request", "GET /leak", "--", *command, cwd=SERVICES, PYTHONPATH=str(SERVICES))
    assert found.status == Status.LEAKS, found.err
    assert found.path("GET /leak 403")["cause"]["held_by"].endswith("Errors.refused")


def test_a_command_that_leaves_nothing_behind_is_told_what_to_type(tmp_path: Path) -> None:
    """As one that hands the service over to another manager."""
    found = check(tmp_path, "--", "sh", "-c", "echo started shop")
    assert found.status == Status.FAILED
    assert found.err == (
        "sadpath: the service did not start: it ended with status 0: started shop; it left nothing running here: "
        "give the command that serves, or check what runs: sadpath check URL --pid PID\n"
    )


def test_a_service_that_does_not_listen_in_time_is_ended(tmp_path: Path) -> None:
    """The line says where it was looked for, and how to wait longer."""
    found = check(tmp_path, "--start-timeout", "0.5", "--", "sh", "-c", "echo loading; exec sleep 600")
    assert found.status == Status.FAILED
    assert found.err == (
        "sadpath: the service does not listen on any port that speaks HTTP after 0.5 s; name its address with --url, "
        "or wait longer with --start-timeout SECONDS; its last line is: loading\n"
    )


def test_the_last_lines_of_a_service_that_does_not_start_are_shown(tmp_path: Path) -> None:
    """Twenty of them, below the reason, each as a line of ours."""
    found = check(tmp_path, "--", "sh", "-c", "seq 1 30; echo ::error::no table; echo '^'; exit 3")
    reason, *below = found.err.splitlines()
    assert reason.endswith("it ended with status 3: ::error::no table")
    assert below == [*(f"    {number}" for number in range(13, 31)), r"    \x3a:error::no table", "    ^"]


def test_what_a_service_prints_is_kept(tmp_path: Path) -> None:
    """Also of one that does not start, in a new file: what a link leads to is left alone."""
    earlier, log = tmp_path / "earlier", tmp_path / "logs" / "service.log"
    log.parent.mkdir()
    earlier.write_text("theirs")
    log.symlink_to(earlier)
    found = check(tmp_path, "--log", log, "--", "sh", "-c", "seq 1 30; exit 3")
    assert found.status == Status.FAILED
    assert log.read_text().split() == [str(number) for number in range(1, 31)]
    assert earlier.read_text() == "theirs"


@pytest.mark.parametrize("place", ["", "file/log", "/dev/null"])
def test_a_log_that_cannot_be_written_ends_the_check_before_the_start(place: str, tmp_path: Path) -> None:
    """A folder, a file in a file, and what is no file."""
    (tmp_path / "file").touch()
    found = check(tmp_path, "--log", tmp_path / place, "--", "touch", tmp_path / "started")
    assert found.status != Status.OK
    assert found.err.startswith("sadpath: cannot write")
    assert not (tmp_path / "started").exists()


def test_a_service_that_runs_has_no_log(tmp_path: Path) -> None:
    """Nobody knows where its output goes."""
    found = check(tmp_path, "http://127.0.0.1:9", "--log", tmp_path / "log", "--pid", "1")
    assert (found.status, found.err) == (
        Status.WRONG_COMMAND,
        "sadpath: --log needs the command that starts the service: the output of one that runs cannot be read\n",
    )


def test_who_waits_for_a_slow_start_is_told(tmp_path: Path) -> None:
    """With how long it has been, and how long it may take."""
    found = check(tmp_path, "--start-timeout", "3.5", "--", "sleep", "600")
    assert "waiting for sleep 600 to listen, 3 of 3.5 s …\n" in found.err
