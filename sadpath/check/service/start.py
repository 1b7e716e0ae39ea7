"""Start a service with the probe in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

import sadpath.probe
from sadpath.check.service.listening import Listener, free_port, is_taken, listeners, port_in, speaking, takers
from sadpath.check.service.probes import NoAnswer, Probes
from sadpath.check.service.target import LOOK_AGAIN_S, STARTS_WITHIN_S, Target, wait_until
from sadpath.errors import CommandError, Status, writing_to
from sadpath.files import is_stream
from sadpath.hosts import urlsplit_or_none
from sadpath.lifeline import Child
from sadpath.temporary import temporary_folder
from sadpath.text import terminal

INJECT = Path(sadpath.probe.__file__).parent / "inject"
SAYS_SO_AFTER_S = 3.0
SAYS_SO_AGAIN_S = 15.0
PROBE_ANSWERS_WITHIN_S = 5.0
LAST_LINES = 20
"""Lines of the output of a service that did not start, which are shown below the reason."""

NO_PROBE = (
    "no probe answers in the process that listens: it may not be CPython, or be started with -I, -E or -S, by a "
    "wrapper that resets PYTHONPATH, or with opentelemetry-instrument; start the server's Python directly"
)

ELSEWHERE = (
    "; it left nothing running here: give the command that serves, or check what runs: sadpath check URL --pid PID"
)


@contextmanager
def started(
    command: Sequence[str], *, url: str = "", name: str = "", within_s: float = STARTS_WITHIN_S, log: Path | None = None
) -> Iterator[Target]:
    """Start a command with the probe in it, and wait until it listens. Whatever it started is ended in the end.

    What it prints is in `log`, as it comes, if that is named. A command that makes itself a daemon is followed. Raises
    `CommandError` if it ends before, does not listen within `within_s` seconds, or the log cannot be written.
    """
    _check_startable(command, url)
    with temporary_folder() as folder:
        output = _new_file(log) if log else folder / "output.log"
        sockets = folder / "probes"
        sockets.mkdir(mode=0o700)
        child = Child(command, output, _environment(sockets), follow=True)
        target = Target(name or " ".join(command), url, child=child)
        try:
            target.process = psutil.Process(child.pid)
            listener = _wait_until_it_listens(target, _wanted_port(command, url), within_s)
            target.url = url or listener.url
            target.probes = _answering(Probes(sockets), listener, target)
            target.why_no_probe = "" if target.probes else NO_PROBE
            yield target
        finally:
            stop(target)


def with_uvicorn(app: str) -> list[str]:
    """Return the command that serves an ASGI app, as `shop.main:app`, with the Python of this folder's environment.

    Raises `CommandError` if that has no uvicorn.
    """
    python = _project_python()
    if subprocess.run([python, "-c", "import uvicorn"], capture_output=True, check=False).returncode:  # noqa: S603
        raise CommandError(
            f"{python} has no uvicorn; start your server by a command of your own: sadpath check -- COMMAND",
            Status.WRONG_COMMAND,
        )
    return [python, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(free_port())]


def stop(target: Target) -> None:
    """End what was started: by asking, then by force, also processes that left the group."""
    processes = target.tree()
    if target.child:
        target.child.stop(signal.SIGTERM)
    _, alive = psutil.wait_procs([one for one in processes if one.is_running()], timeout=0.2)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def _check_startable(command: Sequence[str], url: str) -> None:
    if shutil.which(command[0]) is None:
        raise CommandError(f"cannot find the command {command[0]!r}", Status.WRONG_COMMAND)
    port = _wanted_port(command, url)
    if port and is_taken(port):
        raise CommandError(f"something listens on port {port} already; end it, or choose another port")


def _new_file(log: Path) -> Path:
    """Return the log as a new file, in place of what has its name. Raises `CommandError`."""
    with writing_to(log):
        if is_stream(log):
            raise CommandError(f"cannot write the service's output to {log}: it is no file", Status.WRONG_COMMAND)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        log.touch(exist_ok=False)
    return log.absolute()


def _wanted_port(command: Sequence[str], url: str) -> int | None:
    parts = urlsplit_or_none(url) if url else None
    return (parts.port if parts else None) or port_in(command)


def _environment(sockets: Path) -> Mapping[str, str]:
    """Return what puts our `sitecustomize` in front of the target's own modules, in all of its Python processes."""
    theirs = os.environ.get("PYTHONPATH", "")
    return {"SADPATH_PROBE": str(sockets), "PYTHONPATH": os.pathsep.join(filter(None, [str(INJECT), theirs]))}


def _project_python() -> str:
    places = [Path(".venv"), *(Path(folder) for name in ("VIRTUAL_ENV",) if (folder := os.environ.get(name)))]
    found = [str(python) for place in places if (python := place / "bin" / "python").exists()]
    return next(iter(found), shutil.which("python3") or shutil.which("python") or "python3")


def _wait_until_it_listens(target: Target, port: int | None, within_s: float) -> Listener:
    began = time.monotonic()
    say_after = SAYS_SO_AFTER_S
    while True:
        found = [one for one in listeners(target.tree()) if port in (None, one.port)]
        if listener := speaking(found, is_named=port is not None):
            return listener
        if why := target.why_it_ended():
            reason = f"the service did not start: {why}{_if_it_ended_well(target)}"
            raise CommandError(reason, below=_last_lines(target))
        waited = time.monotonic() - began
        if waited > within_s:
            raise CommandError(_does_not_listen(target, port, within_s), below=_last_lines(target))
        if waited > say_after:
            say_after += SAYS_SO_AGAIN_S
            sys.stderr.write(terminal(f"waiting for {target.name} to listen, {waited:.0f} of {within_s:g} s …") + "\n")
        time.sleep(LOOK_AGAIN_S)


def _if_it_ended_well(target: Target) -> str:
    """Return what to type where a command has ended without an error, as one that starts a service elsewhere."""
    return ELSEWHERE if target.child and target.child.status() == 0 else ""


def _last_lines(target: Target) -> list[str]:
    """Return the last lines that the service has printed; none where there is but the one that the reason has."""
    lines = target.child.lines() if target.child else []
    return [f"    {line}" for line in lines[-LAST_LINES:]] if len(lines) > 1 else []


def _does_not_listen(target: Target, port: int | None, within_s: float) -> str:
    where = f"port {port}" if port else "any port that speaks HTTP"
    line = target.child.last_line() if target.child else ""
    last = f"; its last line is: {line}" if line else ""
    return (
        f"the service does not listen on {where} after {within_s:g} s; name its address with --url, "
        f"or wait longer with --start-timeout SECONDS{last}"
    )


def _answering(probes: Probes, listener: Listener, target: Target) -> Probes | None:
    """Return the probes once one answers in a process that listens on the port; None if none does."""

    def answers() -> bool:
        try:
            hello = probes.ask("looks.hello", timeout_s=PROBE_ANSWERS_WITHIN_S)
        except (NoAnswer, OSError):
            return False
        return not hello.keys().isdisjoint(takers(target.tree(), listener.port))

    return probes if wait_until(answers, PROBE_ANSWERS_WITHIN_S) else None
