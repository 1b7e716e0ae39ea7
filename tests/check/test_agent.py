"""The probe in a target: it answers on a socket of the process, in forked children too, and is no burden."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sadpath.check.service.probes import NoAnswer, Probes
from sadpath.check.service.start import INJECT
from sadpath.probe.agent import SPARE
from tests.waiting import PATIENCE_S, until


@pytest.fixture
def probes(tmp_path: Path) -> Probes:
    """The probes of a folder whose path is longer than a socket's may be."""
    folder = tmp_path / ("a-long-name-" * 10) / "probes"
    folder.mkdir(parents=True)
    return Probes(folder)


@contextmanager
def target(
    probes: Probes, code: str, path: str = "", *options: str, below: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A process with the probe in it, that ends when its standard input does, started by the command `below`."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(INJECT), path]))}
    process = subprocess.Popen(
        [*below, sys.executable, *options, "-c", f"{code}\nimport os, sys\nos.write(1, b'ready\\n')\nsys.stdin.read()"],
        env={**env, "SADPATH_PROBE": str(probes.folder)},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        for line in process.stdout:
            if line == "ready\n":
                break
        yield process
    finally:
        process.stdin.close()
        process.wait(300)
        process.stdout.close()


def test_a_process_says_who_it_is(probes: Probes) -> None:
    """On a socket that nobody else may use."""
    with target(probes, "") as process:
        hello = probes.ask("looks.hello")[process.pid]
        mode = stat.S_IMODE((probes.folder / f"{process.pid}.s").stat().st_mode)
    assert hello["pid"] == process.pid
    assert hello["python"] == ".".join(map(str, sys.version_info[:3]))
    assert mode == 0o600


def test_it_opens_no_port(probes: Probes) -> None:
    """Neither before it is asked nor after."""
    with target(probes, "") as process:
        probes.ask("looks.hello")
        assert probes.settle().in_use
        assert psutil.Process(process.pid).net_connections("inet") == []


def test_it_keeps_four_descriptors(probes: Probes) -> None:
    """The socket on which it listens, and three to give up."""
    with target(probes, "") as process:
        probes.ask("looks.hello")
        its_own = {0, 1, 2}
        until(lambda: len(descriptors(process.pid) - its_own) == 1 + SPARE == 4, PATIENCE_S, "the answer is given")


def descriptors(pid: int) -> set[int]:
    """The numbers that a process has open."""
    return {int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()}


def test_a_look_counts_bytes_and_exceptions(probes: Probes) -> None:
    """All of the process's own."""
    raising = """
error = ValueError()
for _ in range(30):
    try:
        raise error
    except ValueError:
        pass
"""
    with target(probes, raising):
        settled = probes.settle()
    assert (settled.in_use or 0) > 1 << 20
    assert settled.tracebacks
    assert [(one.type_name, one.entries) for one in settled.tracebacks.values()] == [("builtins.ValueError", 30)]


def test_the_targets_own_sitecustomize_runs(probes: Probes, tmp_path: Path) -> None:
    """As if ours were not there."""
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.theirs = __file__\n")
    code = "import sitecustomize, sys; print(sitecustomize.__file__ == theirs); print('_sadpath_probe' in sys.modules)"
    with target(probes, code, str(tmp_path)) as process:
        assert probes.ask("looks.hello").keys() == {process.pid}


def test_a_sitecustomize_that_fails_is_the_targets_affair(probes: Probes, tmp_path: Path) -> None:
    """The process starts as it does without us, and the probe answers."""
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('theirs')\n")
    with target(probes, "", str(tmp_path)) as process:
        assert probes.ask("looks.hello").keys() == {process.pid}


def test_the_probe_takes_no_name_of_the_target(probes: Probes, tmp_path: Path) -> None:
    """A target that uses the package itself finds its own."""
    package = tmp_path / "sadpath"
    package.mkdir()
    (package / "__init__.py").write_text("theirs = True\n")
    code = "import sadpath; assert sadpath.theirs"
    with target(probes, code, str(tmp_path)):
        assert probes.ask("looks.hello")


def test_it_imports_c_modules_only_until_it_is_asked(probes: Probes) -> None:
    """What is imported before gevent patches it stays unpatched."""
    code = "import sys; print({'threading', 'socket', 'ssl', 'json', 'logging'} & {*sys.modules})"
    plain = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    env = {**os.environ, "PYTHONPATH": str(INJECT), "SADPATH_PROBE": str(probes.folder)}
    ours = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout
    assert ours == plain


FORKS = """
import os, time
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        try:
            import select
            select.select([0], [], [])
        finally:
            os._exit(0)
    children.append(child)
"""


def test_forked_children_answer_each_on_a_socket_of_its_own(probes: Probes) -> None:
    """And the parent goes on to answer."""
    with target(probes, FORKS) as process:
        until(lambda: len(probes.ask("looks.hello")) == 6, 300, "all answer")
        answers = probes.ask("looks.hello")
        assert {one["parent"] for pid, one in answers.items() if pid != process.pid} == {process.pid}


def test_a_fork_in_c_is_one_too(probes: Probes) -> None:
    """As uWSGI does it: nothing pauses before, and the child has nothing of its parent's probe."""
    code = "import ctypes\nif ctypes.PyDLL(None).fork() == 0: ctypes.pythonapi.PyOS_AfterFork_Child()"
    with target(probes, code) as process:
        until(lambda: len(probes.ask("looks.hello")) == 2, PATIENCE_S, "both answer")
        (child,) = psutil.Process(process.pid).children()
        until(lambda: len(child.net_connections("unix")) == 1 + SPARE, PATIENCE_S, "the answer is given")


def test_a_fork_while_it_is_asked_hangs_nobody(probes: Probes, tmp_path: Path) -> None:
    """Fifty children, and a question all the time; each child ends, and so do the questions."""
    code = f"""
import os, _thread
def fork():
    for _ in range(50):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    open({str(tmp_path / "done")!r}, "w").close()
_thread.start_new_thread(fork, ())
"""
    with target(probes, code) as process:
        until(lambda: ask_and_see(probes, process.pid) and (tmp_path / "done").exists(), 300, "all children have ended")


def test_a_child_that_is_forked_while_an_answer_takes_too_long_inherits_nothing(probes: Probes, tmp_path: Path) -> None:
    """Neither the socket nor the connection, which the parent goes on to use."""
    code = f"""
import os, sys, time, _thread
agent = sys.modules["_sadpath_probe.agent"]
agent.FORK_WAITS_S, agent.QUESTION_WITHIN_S = 0.01, 600
def fork():
    while not os.path.exists({str(tmp_path / "go")!r}):
        time.sleep(0.01)
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
_thread.start_new_thread(fork, ())
"""
    with target(probes, code) as process, silent_client(probes.folder, process.pid):
        parent = psutil.Process(process.pid)
        until(lambda: len(parent.net_connections("unix")) == 1 + 1, PATIENCE_S, "the connection is taken")
        (tmp_path / "go").touch()
        until(parent.children, PATIENCE_S, "the child")
        (child,) = parent.children()
        until((probes.folder / f"{child.pid}.s").exists, PATIENCE_S, "its socket")
        until(lambda: len(child.net_connections("unix")) == 1 + SPARE, PATIENCE_S, "its own alone")


def ask_and_see(probes: Probes, pid: int) -> bool:
    """Ask once; whether the process itself answered. It may be about to fork."""
    try:
        return pid in probes.ask("looks.settle", timeout_s=300)
    except NoAnswer:
        return False


def ask_badly(folder: Path, pid: int, question: bytes) -> bytes:
    """Send something else than a question."""
    descriptor = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(300)
        connection.connect(f"/proc/self/fd/{descriptor}/{pid}.s")
        os.close(descriptor)
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)


@contextmanager
def silent_client(folder: Path, pid: int) -> Iterator[None]:
    """Connect, and ask nothing."""
    descriptor = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"/proc/self/fd/{descriptor}/{pid}.s")
        os.close(descriptor)
        yield


@pytest.mark.parametrize(
    "question",
    [
        b"nonsense\n",
        b'{"op": "os.system"}\n',
        b'{"op": "agent.start", "folder": "/tmp"}\n',
        b'{"op": "looks.gc"}\n',
        b'{"op": "../x.y"}\n',
        b'{"op": "looks.hello", "unknown": 1}\n',
        b"[]\n",
        b"{}\n",
    ],
)
def test_what_is_no_question_gets_an_error(probes: Probes, question: bytes) -> None:
    """Only what a module offers may be asked; it answers the next one."""
    with target(probes, "") as process:
        assert "error" in json.loads(ask_badly(probes.folder, process.pid, question))
        assert probes.ask("looks.hello")


def test_who_leaves_without_a_word_does_no_harm(probes: Probes) -> None:
    """It answers the next one."""
    with target(probes, "") as process:
        assert ask_badly(probes.folder, process.pid, b"") == b""
        assert probes.ask("looks.hello")


def test_a_socket_that_is_left_behind_proves_nothing(probes: Probes) -> None:
    """Only an answer counts."""
    (probes.folder / "1.s").touch()
    with socket.socket(socket.AF_UNIX) as dead:
        descriptor = os.open(probes.folder, os.O_RDONLY)
        dead.bind(f"/proc/self/fd/{descriptor}/2.s")
        os.close(descriptor)
    with pytest.raises(NoAnswer, match="no process of the service answers"):
        probes.ask("looks.hello")


def test_sockets_of_processes_that_have_ended_are_removed(probes: Probes) -> None:
    """Who forks for each request leaves one each time."""
    code = (
        "import os\nfor _ in range(5): os.fork() or os._exit(0)\nwhile True:\n  try: os.wait()\n  except OSError: break"
    )
    with target(probes, code) as process:
        assert len(probes.listed()) > 1
        probes.ask("looks.hello")
        assert probes.listed() == [process.pid]


def test_after_it_was_stopped_nothing_is_left(probes: Probes) -> None:
    """No socket, no thread."""
    code = "import os"
    with target(probes, code) as process:
        before = len(psutil.Process(process.pid).threads())
        assert before == 2
        probes.ask("agent.stop")
        until(lambda: len(psutil.Process(process.pid).threads()) == 1, 300, "its thread has ended")
        assert list(probes.folder.iterdir()) == []


def test_a_process_that_cannot_take_the_probe_starts_all_the_same(tmp_path: Path) -> None:
    """One line says why."""
    env = {**os.environ, "PYTHONPATH": str(INJECT), "SADPATH_PROBE": str(tmp_path / "missing")}
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, env=env, check=True)
    assert done.stdout == "1\n"
    assert done.stderr.startswith("sadpath: no probe in process ")
    assert done.stderr.count("\n") == 1


FULL = """
import os
held = []
def fill():
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
fill()
"""
FEW_DESCRIPTORS = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"]


def test_it_answers_where_no_descriptor_is_free(probes: Probes) -> None:
    """It keeps some to give them up: a service that leaks descriptors is one to look into."""
    with target(probes, FULL, below=FEW_DESCRIPTORS) as process:
        for _ in range(3):
            assert probes.settle().in_use
            assert probes.ask("growth.begin")
    assert process.returncode == 0


def test_where_even_those_are_taken_it_is_said(probes: Probes) -> None:
    """With their number, once nobody answers."""
    always = FULL + "import _thread\ndef go():\n    while True: fill()\n_thread.start_new_thread(go, ())"
    with target(probes, always, below=FEW_DESCRIPTORS) as process:

        def says_so() -> bool:
            try:
                probes.ask("looks.settle", timeout_s=1)
            except NoAnswer as reason:
                return str(reason).startswith(f"process {process.pid} has no free file descriptor (6")
            return False

        until(says_so, PATIENCE_S, "the reason")


@pytest.mark.slow
def test_who_asks_nothing_is_not_waited_for_for_long(probes: Probes) -> None:
    """Another is answered while he thinks."""
    with target(probes, "") as process, silent_client(probes.folder, process.pid):
        assert probes.ask("looks.hello", timeout_s=PATIENCE_S)


def test_a_fork_copies_no_descriptor_of_the_probe(probes: Probes) -> None:
    """Those that a child has are its own."""
    with target(probes, FORKS) as process:
        until(lambda: len(probes.ask("looks.hello")) == 6, PATIENCE_S, "all answer")
        children = psutil.Process(process.pid).children()

        def have_their_own() -> bool:
            return {len(each.net_connections("unix")) for each in children} == {1 + SPARE}

        until(have_their_own, PATIENCE_S, "the answers are given")
