"""A probe is attached to a process that runs, as the user of that process, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from loadtest.ports import free_port
from sadpath.check.service import attach
from sadpath.check.service.attach import User, attached, run_as, user_of, why_not
from tests.interpreters import interpreter
from tests.required import missing
from tests.waiting import PATIENCE_S, until

ATTACHES = "3.14"
"""The first Python to which a probe can be attached."""

NOBODYS = 54321
"""A user that this machine does not know."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another user")

TARGET = """
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    pass
print(sorted(name for name in sys.modules if name.startswith("_sadpath_probe")), gc.isenabled(), flush=True)
sys.stdin.read()
"""
"""What waits in short calls, as a script is run between two of them, and says when it is told to what is left of us."""


@contextmanager
def target(python: str = "", user: int | None = None, code: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process of somebody's that runs."""
    command = [python or interpreter(ATTACHES), "-c", f"import gc, os, select, signal, sys\n{code}{TARGET}"]
    extra_groups = None if user is None else [user + 1]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        user=user,
        group=user,
        extra_groups=extra_groups,
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def what_is_left(process: subprocess.Popen[str]) -> str:
    """The modules of ours that a target still has, and whether its collector is on."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def threads_of(process: subprocess.Popen[str]) -> int:
    """How many threads a process has."""
    return psutil.Process(process.pid).num_threads()


def test_it_answers_and_leaves_nothing() -> None:
    """No thread, no module, no socket, no folder."""
    with target() as process:
        with attached("", process.pid) as service:
            assert service.probes, service.why_no_probe
            folder = service.probes.folder.parent
            assert service.probes.settle(begins_round=True).processes == 1
            assert threads_of(process) > 1
        until(lambda: threads_of(process) == 1, PATIENCE_S, "its threads have ended")
        assert what_is_left(process) == "[] True"
        assert psutil.Process(process.pid).net_connections("unix") == []
        assert not folder.exists()


def test_a_process_that_does_not_answer_in_time_is_not_disturbed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits in one long call, and would run our script after that."""
    monkeypatch.setattr(attach, "ATTACHES_WITHIN_S", 0.2)
    goes_on, errors = tmp_path / "fifo", tmp_path / "errors"
    os.mkfifo(goes_on)
    waits = f"os.dup2(os.open({str(errors)!r}, os.O_CREAT | os.O_WRONLY), 2); open({str(goes_on)!r})\n"
    with target(code=f"print('ready', flush=True)\n{waits}") as process:
        with attached("", process.pid) as service:
            assert "did not answer" in service.why_no_probe
        goes_on.write_text("")
        assert what_is_left(process) == "ready"
        assert what_is_left(process) == "[] True"
    assert errors.read_text() == ""


def test_a_child_that_is_no_python_costs_no_probe() -> None:
    """Nor is it run with our words: a shell would take them for its own."""
    code = "import subprocess\nchild = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\n"
    with target(code=code) as process, attached("", process.pid) as service:
        assert service.probes, service.why_no_probe


WAITS_BELOW = """
import subprocess
server = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))"
server += "; print(flush=True); sys.stdin.read()"
command = [sys.executable, "-c", server, {port!r}]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
"""


def test_the_probe_of_a_supervisor_is_not_that_of_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the process that takes the requests says what they leave: the worker waits in one long call here."""
    monkeypatch.setattr(attach, "ATTACHES_WITHIN_S", 1.0)
    port = free_port()
    with (
        target(code=WAITS_BELOW.format(port=str(port))) as process,
        attached(f"http://127.0.0.1:{port}", process.pid) as service,
    ):
        assert service.probes is None
        assert "did not answer within 1 s" in service.why_no_probe


@needs_root
def test_the_script_lies_where_nobody_else_makes_names() -> None:
    """A process may run it after the check was killed: the folder's name must not be anybody's then."""
    with target() as process, attached("", process.pid) as service:
        assert service.probes
        place = service.probes.folder.parent.parent
        assert (place.stat().st_uid, place.stat().st_mode & 0o022) == (0, 0)


def test_a_second_check_replaces_the_first() -> None:
    """The one before gets no answer any more."""
    with target() as process, attached("", process.pid) as first, attached("", process.pid) as second:
        assert first.probes
        assert second.probes
        assert second.probes.ask("looks.hello").keys() == {process.pid}
        assert first.probes.listed() == []
        until(lambda: threads_of(process) == 2, PATIENCE_S, "the first has ended")


def test_a_probe_of_another_version_is_replaced() -> None:
    """With all of its modules."""
    other = "sys.modules['_sadpath_probe'] = sys.modules['_sadpath_probe.looks'] = type(sys)('other')\n"
    with target(code=other) as process, attached("", process.pid) as service:
        assert service.probes, service.why_no_probe
        assert service.probes.ask("looks.hello").keys() == {process.pid}


CHECK = """
import sys
from sadpath.check.service import attach
from sadpath.check.service.attach import attached
with attached("", int(sys.argv[1])) as service:
    service.probes.settle(begins_round=True)
    print(service.probes.folder.parent, flush=True)
    sys.stdin.read()
"""


def test_a_check_that_is_killed_leaves_nothing_in_the_process() -> None:
    """The probe sees that nobody can ask it any more, and the next check has its answers."""
    command = [sys.executable, "-c", CHECK]
    with target() as process:
        with subprocess.Popen(
            [*command, str(process.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as check:
            assert check.stdout
            folder = check.stdout.readline().strip()
            check.send_signal(signal.SIGKILL)
        until(lambda: threads_of(process) == 1, PATIENCE_S, "its threads have ended")
        until(lambda: not Path(folder).exists(), PATIENCE_S, "the folder is removed")
        with attached("", process.pid) as service:
            assert service.probes, service.why_no_probe
        until(lambda: threads_of(process) == 1, PATIENCE_S, "its threads have ended again")
        assert what_is_left(process) == "[] True"


def test_a_probe_ends_with_the_folder_of_its_sockets() -> None:
    """Whoever removed it."""
    with target() as process, attached("", process.pid) as service:
        assert service.probes
        assert service.probes.ask("looks.hello")  # its thread runs
        shutil.rmtree(service.probes.folder)
        until(lambda: threads_of(process) == 1, PATIENCE_S, "its threads have ended")
        assert what_is_left(process) == "[] True"


def test_a_fork_after_the_end_is_as_without_us() -> None:
    """The hook, which cannot be taken away, does nothing."""
    code = "signal.signal(signal.SIGUSR1, lambda *_: os.fork() or os._exit(0))\n"
    with target(code=code) as process:
        with attached("", process.pid):
            pass
        until(lambda: threads_of(process) == 1, PATIENCE_S, "its threads have ended")
        process.send_signal(signal.SIGUSR1)
        until(lambda: psutil.Process(process.pid).children(), PATIENCE_S, "it has forked")
        assert threads_of(process) == 1


@pytest.fixture
def everybodys_python() -> str:
    """A Python that any user may run."""
    python = interpreter(ATTACHES)
    return (
        python if can_run(python) else missing(f"python{ATTACHES} for every user", "install it where each may read it")
    )


def can_run(python: str) -> bool:
    """Whether a user whom nobody knows can run it."""
    try:
        done = subprocess.run(
            [python, "-c", ""], user=NOBODYS, group=NOBODYS, cwd="/", check=False, capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


@needs_root
def test_root_attaches_as_the_user_of_the_process(everybodys_python: str) -> None:
    """Who needs nothing of root's: not its modules, not its folders."""
    with target(everybodys_python, NOBODYS) as process, attached("", process.pid) as service:
        assert service.probes, service.why_no_probe
        assert service.probes.ask("looks.settle", begins_round=False).keys() == {process.pid}
        assert service.probes.folder.stat().st_uid == NOBODYS
        assert service.probes.folder.parent.stat().st_uid == os.geteuid()


@needs_root
def test_what_is_of_the_target_is_run_as_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its groups, without our environment, terminal and files."""
    monkeypatch.setenv("SECRET", "of root")
    user = User(NOBODYS, NOBODYS + 1, (NOBODYS + 2,))
    status, said = run_as(user, ["/bin/sh", "-c", "id; env; ls -l /proc/self/fd; cat"])
    assert status == 0
    assert f"uid={NOBODYS} gid={NOBODYS + 1} groups={NOBODYS + 1},{NOBODYS + 2}" in said
    assert "SECRET" not in said
    assert "0 -> /dev/null" in said


def test_a_program_that_prints_without_end_is_ended() -> None:
    """With what it started, as far as that writes to us."""
    user = user_of(os.getpid())
    assert user
    with pytest.raises(subprocess.SubprocessError, match="prints without end"):
        run_as(user, ["/bin/sh", "-c", "yes & exec yes"])


def test_the_user_of_a_process_is_read() -> None:
    """As the kernel has it."""
    assert user_of(os.getpid()) == User(os.getuid(), os.getgid(), tuple(os.getgroups()))
    assert user_of(2**22 + 1) is None


@needs_root
def test_a_process_that_may_change_its_user_is_refused() -> None:
    """As whom to act is not known."""
    with target(sys.executable, code=f"os.setresuid(0, {NOBODYS}, {NOBODYS})\n") as process:
        with attached("", process.pid) as service:
            assert service.probes is None
        assert "has more than one user" in service.why_no_probe


@needs_root
def test_the_process_of_another_user_is_refused_without_root() -> None:
    """In one line with what to type."""
    with target(sys.executable) as process:
        os.seteuid(NOBODYS)
        try:
            why = why_not(process.pid, user_of(process.pid))
        finally:
            os.seteuid(0)
    assert why.endswith("belongs to another user; attach as that user: sudo -u 'root' sadpath check …")
