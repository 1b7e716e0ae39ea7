"""Attach to a service that runs: the probe to its process, or a source of memory from outside."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

import sadpath.probe
from sadpath.check.service.folder import temporary_folder
from sadpath.check.service.probes import NoAnswer, Probes
from sadpath.check.service.target import Target, wait_until
from sadpath.errors import CommandError, Status
from sadpath.sources import SourceSpec, source_of

ATTACHES_WITHIN_S = 5.0

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
    with temporary_folder() as folder:
        sockets = folder / "probes"
        sockets.mkdir(mode=0o700)
        probes = Probes(sockets)
        target.why_no_probe = _attach(target, folder, probes)
        target.probes = None if target.why_no_probe else probes
        try:
            yield target
        finally:
            if target.probes:
                with suppress(NoAnswer, OSError):
                    probes.ask("agent.stop")


def outside(url: str, spec: SourceSpec) -> Target:
    """Return a service whose memory is read from what the options name, such as a container or a page of metrics."""
    source = source_of(spec)
    why = f"its memory is read from {source}, which knows nothing of its objects"
    return Target(url, url, source=source, why_no_probe=why)


def _process(pid: int) -> psutil.Process:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        raise CommandError(f"no process {pid} runs; look it up with: pgrep -af python", Status.WRONG_COMMAND) from None


def _attach(target: Target, folder: Path, probes: Probes) -> str:
    """Attach to all Python processes of a target; return why that did not work, in one line, or nothing."""
    script = folder / "attach.py"
    script.write_text(
        SCRIPT.format(probe=str(Path(sadpath.probe.__file__).parent), sockets=str(probes.folder), asker=os.getpid())
    )
    why = ""
    for process in target.tree():
        why = _attach_one(process, script) or why

    def answers() -> bool:
        return any(pid in probes.listed() for pid in [process.pid for process in target.tree()])

    if not why and not wait_until(answers, ATTACHES_WITHIN_S):
        why = f"the probe did not answer within {ATTACHES_WITHIN_S:.0f} s; send the service a request, and try again"
    return why


def _attach_one(process: psutil.Process, script: Path) -> str:
    with suppress(psutil.Error):
        if process.uids().real != os.getuid() and os.getuid():
            return f"process {process.pid} belongs to another user; run as that user"
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter of the target itself
            [f"/proc/{process.pid}/exe", "-I", "-c", _REMOTE, str(process.pid), str(script)],
            capture_output=True,
            text=True,
            timeout=ATTACHES_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"process {process.pid} cannot be attached to: {error}"
    if done.returncode == _TOO_OLD:
        return (
            f"process {process.pid} runs Python {done.stdout.strip() or '?'}, and a probe attaches to 3.14 and later; "
            "let us start it: sadpath check -- COMMAND"
        )
    return f"process {process.pid}: {(done.stderr.splitlines() or ['it is no CPython'])[-1]}" if done.returncode else ""


_TOO_OLD = 9
_REMOTE = f"""\
import sys
if not hasattr(sys, "remote_exec"):
    print(sys.version.split()[0])
    sys.exit({_TOO_OLD})
sys.remote_exec(int(sys.argv[1]), sys.argv[2])
"""
