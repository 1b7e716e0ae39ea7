"""Attach to a service that runs: the probe to its process, or a source of memory from outside."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from select import select

import psutil

import sadpath.probe
from sadpath.check.service.listening import takers
from sadpath.check.service.probes import NoAnswer, Probes
from sadpath.check.service.target import Target, wait_until
from sadpath.errors import CommandError, Status
from sadpath.hosts import port_of, urlsplit_or_none
from sadpath.sources import SourceSpec, source_of
from sadpath.temporary import temporary_folder

ATTACHES_WITHIN_S = 5.0
RUNS_WITHIN_S = 5.0
"""How long the target's interpreter, as another process, may take."""

NOTHING = Path(os.devnull)
"""A script that takes the place of one which was not run in time: we are gone when it would be."""

MAX_SAID = 1 << 16
"""Bytes of what the target's interpreter may print."""

SCRIPT = """\
import sys
if before := sys.modules.get("_sadpath_probe.agent"):
    before.stop()
for name in [name for name in sys.modules if name.partition(".")[0] == "_sadpath_probe"]:
    del sys.modules[name]
package = sys.modules["_sadpath_probe"] = type(sys)("_sadpath_probe")
package.__path__ = [{probe!r}]
from _sadpath_probe import agent
agent.start({sockets!r}, {asker})
"""
"""What the target runs, once, in its main thread: a probe of an earlier check, of any version, is replaced."""


@contextmanager
def attached(url: str, pid: int) -> Iterator[Target]:
    """Attach the probe to a process that runs, and to those below it; it is taken off in the end.

    Before Python 3.14 a probe cannot be attached; then memory is read from the process tree, and `why_no_probe` says
    so. Raises `CommandError` for a process that does not run.
    """
    process = _process(pid)
    target = Target(f"process {pid}", url, process)
    target.source = source_of(SourceSpec(pid=pid))
    with temporary_folder(within=_where_names_are_ours()) as folder:
        probes = Probes(folder / "probes")
        try:
            target.why_no_probe = _attach(target, probes)
            target.probes = None if target.why_no_probe else probes
            yield target
        finally:
            _take_back(target, probes)
            if target.probes:
                with suppress(NoAnswer, OSError):
                    probes.ask("agent.stop", timeout_s=ATTACHES_WITHIN_S)


def _where_names_are_ours() -> str | None:
    """Return a folder in which nobody else makes names, if there is one: our script may be run when we are gone."""
    own = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    return own if os.access(own, os.W_OK) else None


def outside(url: str, spec: SourceSpec) -> Target:
    """Return a service whose memory is read from what the options name, such as a container or a page of metrics."""
    source = source_of(spec)
    why = f"its memory is read from {source}, which knows nothing of its objects"
    return Target(url, url, source=source, why_no_probe=why)


def _process(pid: int) -> psutil.Process:
    try:
        return psutil.Process(pid)
    except (psutil.NoSuchProcess, ValueError):
        raise CommandError(f"no process {pid} runs; look it up with: pgrep -af python", Status.WRONG_COMMAND) from None


def _attach(target: Target, probes: Probes) -> str:
    """Attach to all Python processes of a target; return why that did not work, in one line, or nothing.

    Whatever is of the target's is run as its user, who therefore gets a copy of the probe to read, and the folder of
    the sockets as its own.
    """
    assert target.process is not None  # noqa: S101 - it was given by its number
    user = user_of(target.process.pid)
    if why := why_not(target.process.pid, user):
        return why
    assert user is not None  # noqa: S101 - or there is a reason
    script = _files_for(user, probes.folder)
    pythons = list(filter(_is_python, target.tree()))
    if not pythons:
        return f"process {target.process.pid} and those below it run no Python"
    for process in pythons:
        why = _attach_one(process.pid, user, script)
        if why and process.is_running():
            return why
    if not wait_until(lambda: _answers(target, probes), ATTACHES_WITHIN_S):
        return f"the probe did not answer within {ATTACHES_WITHIN_S:.0f} s; send the service a request, and try again"
    return ""


def _answers(target: Target, probes: Probes) -> bool:
    """Whether a probe is where the requests go: a supervisor's alone would call each of its workers flat."""
    parts, tree = urlsplit_or_none(target.url), target.tree()
    taking = takers(tree, port_of(parts)) if parts else set()
    return not (taking or {process.pid for process in tree}).isdisjoint(probes.listed())


def _is_python(process: psutil.Process) -> bool:
    """Whether its program is Python by its name: another one, such as a shell, would take our words for its own."""
    with suppress(psutil.Error):
        return Path(process.exe()).name.startswith("python")
    return False


def _take_back(target: Target, probes: Probes) -> None:
    """Let no process run later what it has not run yet: by then the name of the file may be anybody's."""
    for process in filter(_is_python, target.tree()):
        user = user_of(process.pid)
        if process.pid not in probes.listed() and user and not why_not(process.pid, user):
            _attach_one(process.pid, user, NOTHING)


@dataclass(frozen=True)
class User:
    """As whom a process runs: the numbers of its user, its group and its other groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of the user, or the number of one that has none, as `sudo -u` takes it."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"#{self.uid}"


def user_of(pid: int) -> User | None:
    """Return as whom a process runs; None for one that has ended, or that may still change its user back."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    ids = {
        name: tuple(map(int, rest.split())) for name, _, rest in (line.partition(":") for line in lines) if name in _IDS
    }
    uids, gids = set(ids["Uid"]), set(ids["Gid"])
    return User(uids.pop(), gids.pop(), ids["Groups"]) if len(uids) == len(gids) == 1 else None


_IDS = ("Uid", "Gid", "Groups")


def why_not(pid: int, user: User | None) -> str:
    """Return why this process, which is of that user, must not attach to another one, in one line; or nothing."""
    if user is None:
        return f"process {pid} has more than one user, and a probe attaches to a process of one"
    if os.geteuid() not in (0, user.uid):
        return f"process {pid} belongs to another user; attach as that user: sudo -u '{user.name}' sadpath check …"
    return ""


def _files_for(user: User, sockets: Path) -> Path:
    """Write what this user is to run, beside its folder of sockets; return the script."""
    folder = sockets.parent
    folder.chmod(0o711)
    sockets.mkdir(mode=0o700)
    if user.uid != os.geteuid():
        os.chown(sockets, user.uid, user.gid)
    probe = shutil.copytree(Path(sadpath.probe.__file__).parent, folder / "probe", ignore=_NOT_COPIED)
    script = folder / "attach.py"
    script.write_text(SCRIPT.format(probe=str(probe), sockets=str(sockets), asker=os.getpid()), encoding="utf-8")
    for one in (probe, script, *probe.rglob("*")):
        one.chmod(0o755 if one.is_dir() else 0o644)
    return script


_NOT_COPIED = shutil.ignore_patterns("__pycache__", "inject")


def _attach_one(pid: int, user: User, script: Path) -> str:
    """Let the interpreter of a process, run as its user, attach; return why it did not, in one line, or nothing."""
    if user_of(pid) != user:
        return f"process {pid}, below it, belongs to another user; attach to that one: --pid {pid}"
    try:
        status, said = run_as(user, [f"/proc/{pid}/exe", "-I", "-c", _REMOTE, str(pid), str(script)])
    except (OSError, subprocess.SubprocessError) as error:
        return f"process {pid} cannot be attached to: {error}"
    last = (said.splitlines() or ["it is no CPython"])[-1]
    if status == _TOO_OLD:
        return (
            f"process {pid} runs Python {last}, and a probe attaches to 3.14 and later; "
            "let us start it: sadpath check -- COMMAND"
        )
    return f"process {pid}: {last}" if status else ""


def run_as(user: User, command: Sequence[str]) -> tuple[int, str]:
    """Run a program that is not ours as its user; return its status and what it printed.

    It gets no terminal and no file of ours, another user's none of our environment either, and its time and its words
    are limited. Raises `OSError`, and `SubprocessError` over a limit.
    """
    is_other = user.uid != os.geteuid()
    deadline = time.monotonic() + RUNS_WITHIN_S
    with subprocess.Popen(  # noqa: S603 - the interpreter of the target itself
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        start_new_session=True,
        user=user.uid if is_other else None,
        group=user.gid if is_other else None,
        extra_groups=user.groups if is_other else None,
        env={} if is_other else None,
    ) as process:
        try:
            said = _read(process, deadline)
            return process.wait(max(deadline - time.monotonic(), 0)), said
        finally:
            process.kill()


def _read(process: subprocess.Popen[bytes], deadline: float) -> str:
    """Return what a process prints until the deadline. Raises `SubprocessError` for more than the limit."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    said = b""
    while len(said) < MAX_SAID and select([process.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
        part = os.read(process.stdout.fileno(), MAX_SAID)
        if not part:
            break
        said += part
    if len(said) >= MAX_SAID:
        raise subprocess.SubprocessError("its interpreter prints without end")
    return said.decode(errors="replace")


_TOO_OLD = 9
_REMOTE = f"""\
import sys
if not hasattr(sys, "remote_exec"):
    print(sys.version.split()[0])
    sys.exit({_TOO_OLD})
open(sys.argv[2]).close()
sys.remote_exec(int(sys.argv[1]), sys.argv[2])
"""
