"""Services that close the descriptors which they do not know, as daemons do: their numbers are theirs from then on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from experiments.pythons import PROBE
from loadtest.ports import free_port
from sadpath.check.service.listening import is_taken
from sadpath.check.service.probes import NoAnswer, Probes
from sadpath.check.service.start import INJECT
from tests.interpreters import interpreter
from tests.representatives import some
from tests.waiting import PATIENCE_S, until

SERVE = """
import os, socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        page = b"the service"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass

PORT = int(sys.argv[1])
"""

ALONE = "HTTPServer(('127.0.0.1', PORT), Handler).serve_forever()"

PREFORK = """
server = HTTPServer(("127.0.0.1", PORT), Handler)
os.fork()
os.fork()
server.serve_forever()
"""

FORKING = """
from socketserver import ForkingMixIn
class Server(ForkingMixIn, HTTPServer):
    pass
Server(("127.0.0.1", PORT), Handler).serve_forever()
"""

DAEMON = """
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.closerange(0, 4096)
for _ in range(3):
    os.open("/dev/null", os.O_RDWR)
"""

CLOSE_ALL = "os.closerange(3, 4096)"

TAKE_ALL = """
server = HTTPServer(("127.0.0.1", PORT), Handler)
server.fileno = lambda: 1000
for number in range(3, 1024):
    if number != server.socket.fileno():
        os.dup2(server.socket.fileno(), number)
os.close(server.socket.detach())
server.socket = socket.socket(fileno=1000)
"""
"""Every number means the service's listener from then on."""

EXEC = "if len(sys.argv) < 3: os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], 'again'])"

KINDS = {
    "closes all": CLOSE_ALL + "\n" + ALONE,
    "closes all, then forks workers": CLOSE_ALL + "\n" + PREFORK,
    "closes all, then forks for each connection": CLOSE_ALL + "\n" + FORKING,
    "forks for each connection": FORKING,
    "closes all in a worker": PREFORK.replace("server.serve", "os.closerange(server.fileno() + 1, 4096)\nserver.serve"),
    "daemon": DAEMON + ALONE,
    "daemon that forks workers": DAEMON + PREFORK,
    "puts its listener over each number": TAKE_ALL + "\nserver.serve_forever()",
    "executes itself": EXEC + "\n" + ALONE,
    "executes itself and closes all": EXEC + "\n" + CLOSE_ALL + "\n" + ALONE,
}
CONNECTIONS = 60


@contextmanager
def service(kind: str, probes: Probes, python: str = sys.executable) -> Iterator[int]:
    """Start it with the probe in it; the port on which it listens. All of its processes end."""
    port = free_port()
    env = {**os.environ, "PYTHONPATH": str(INJECT), "SADPATH_PROBE": str(probes.folder)}
    command = [python, "-c", SERVE + KINDS[kind], str(port)]
    with subprocess.Popen(command, env=env, start_new_session=True) as process:
        try:
            until(lambda: is_taken(port), PATIENCE_S, "it listens")
            yield port
        finally:
            for one in {process.pid, *processes_of(probes)}:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def processes_of(probes: Probes) -> list[int]:
    """The processes that were given this folder for their probes, whatever became of them."""
    return [one.pid for one in psutil.process_iter() if is_given(one, str(probes.folder))]


def is_given(process: psutil.Process, folder: str) -> bool:
    """Whether a process was started with this folder."""
    try:
        return process.environ().get("SADPATH_PROBE") == folder and process.pid != os.getpid()
    except psutil.Error:
        return False


def answering(probes: Probes) -> dict[int, object]:
    """What the probes that still answer answer."""
    try:
        return probes.ask("looks.hello", timeout_s=PATIENCE_S)
    except NoAnswer:
        return {}


def assert_that_the_service_answers(probes: Probes, port: int) -> None:
    """Each of its connections, while the probe is asked all the time."""
    for _ in range(CONNECTIONS):
        answering(probes)
        with urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as answer:
            assert answer.read() == b"the service"


@pytest.mark.parametrize("kind", KINDS)
def test_each_connection_to_the_service_is_answered_by_the_service(kind: str, tmp_path: Path) -> None:
    """Whatever it does with the descriptors of others, and though the probe is asked all the time."""
    probes = Probes(tmp_path)
    with service(kind, probes) as port:
        assert_that_the_service_answers(probes, port)


@pytest.mark.parametrize("kind", ["closes all", "daemon", "puts its listener over each number"])
def test_the_probe_answers_again_a_moment_later(kind: str, tmp_path: Path) -> None:
    """On another socket: only the number is the service's."""
    probes = Probes(tmp_path)
    with service(kind, probes):
        until(lambda: answering(probes), PATIENCE_S, "the probe answers")


@pytest.mark.parametrize("version", some(PROBE, on_every_change=PROBE[:1]))
def test_it_is_so_on_each_python(version: str, tmp_path: Path) -> None:
    """The oldest waits for a connection as the newest does."""
    probes = Probes(tmp_path)
    with service("closes all, then forks workers", probes, interpreter(version)) as port:
        assert_that_the_service_answers(probes, port)
