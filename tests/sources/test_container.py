"""The container source, against a server that answers as a Docker engine did."""

import gc
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from docker.errors import DockerException

from sadpath.sources import Reading, Unreadable
from sadpath.sources.container import Container, ContainerState, _engine_in_words

MIB = 2**20
# As recorded from engine 20.10.24 under version 1 of control groups; what nobody reads is left out.
INSPECTED: dict[str, Any] = {
    "Id": "6b3f0c1d9a52",
    "RestartCount": 1,
    "State": {"Status": "running", "OOMKilled": False, "StartedAt": "2026-11-20T20:51:34.916938854Z"},
    "HostConfig": {"Memory": 256 * MIB},
}
STARTED = 1795207894.916938
VERSION_1 = {
    "usage": 45412352,
    "stats": {"inactive_file": 86016, "total_inactive_file": 86016, "rss": 40382464, "total_rss": 40382464},
    "limit": 256 * MIB,
}
VERSION_2 = {"usage": 45412352, "stats": {"anon": 40382464, "inactive_file": 86016}, "limit": 256 * MIB}
READING = Reading(45412352 - 86016, 40382464, 256 * MIB, STARTED)
OUT_OF_MEMORY = {"Type": "container", "Action": "oom", "Actor": {"ID": "6b3f0c1d9a52"}, "time": 1795207697}


class Engine(ThreadingHTTPServer):
    """Answers what an engine answers that runs one container, with the name shop."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.inspected = deepcopy(INSPECTED)
        self.memory: dict[str, Any] = VERSION_1
        self.events: list[dict[str, Any]] = []
        self.refusal: tuple[int, str] | None = None
        self.hang = Event()
        self.hang.set()

    def answer(self, path: str) -> tuple[int, object]:
        """Return the status and what goes with it."""
        last = path.partition("?")[0].rpartition("/")[2]
        if self.refusal and last != "version":
            return self.refusal[0], {"message": self.refusal[1]}
        pages = {
            "version": {"ApiVersion": "1.41", "MinAPIVersion": "1.12"},
            "stats": {"memory_stats": self.memory},
            "events": self.events,
        }
        if last in pages:
            return 200, pages[last]
        return (200, self.inspected) if "/shop/" in path else (404, {"message": "No such container: nobody"})


class Answer(BaseHTTPRequestHandler):
    """Sends one answer; events one a line, as they would come."""

    server: Engine

    def do_GET(self) -> None:
        """Answer once the engine does not hang."""
        self.server.hang.wait(20)
        status, found = self.server.answer(self.path)
        lines = found if isinstance(found, list) else [found]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write("\n".join(map(json.dumps, lines)).encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on the loopback interface, until the test ends."""
    with Engine() as engine:
        Thread(target=engine.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{engine.server_port}")
        yield engine
        engine.hang.set()
        engine.shutdown()


def refusal(ask: Callable[[], object]) -> str:
    """Return the reason, and close what docker's SDK forgot to close."""
    with pytest.raises(Unreadable) as failure:
        ask()
    line = str(failure.value)
    del failure
    gc.collect()
    return line


@pytest.mark.parametrize("memory", [VERSION_1, VERSION_2])
def test_the_memory_of_a_container(engine: Engine, memory: dict[str, Any]) -> None:
    """The same under both versions of control groups: files that can be dropped are left out."""
    engine.memory = memory
    assert Container("shop").read() == READING


def test_a_container_without_a_limit(engine: Engine) -> None:
    """The engine then reports the machine's memory as the limit, which it is not."""
    engine.inspected["HostConfig"]["Memory"] = 0
    assert Container("shop").read().limit_bytes is None


@pytest.mark.usefixtures("engine")
def test_the_state_of_a_container() -> None:
    """It runs, was restarted once, and not for its memory."""
    assert Container("shop").state() == ContainerState(running=True, restarts=1, killed_for_memory=False)


def test_a_kill_that_the_state_reports(engine: Engine) -> None:
    """As long as it is not restarted, and on some engines after that."""
    engine.inspected["State"] |= {"OOMKilled": True, "Status": "exited"}
    assert Container("shop").state() == ContainerState(running=False, restarts=1, killed_for_memory=True)
    assert (
        refusal(Container("shop").read)
        == "container shop is exited, not running: killed at its memory limit of 256 MiB"
    )


def test_a_kill_that_only_an_event_reports(engine: Engine) -> None:
    """A restart may wipe the state; the engine's events remain."""
    engine.events = [OUT_OF_MEMORY]
    assert Container("shop").state().killed_for_memory


@pytest.mark.usefixtures("engine")
def test_a_container_that_does_not_exist() -> None:
    """The reason has its name, and what to type."""
    assert refusal(Container("nobody").read) == "no container nobody; docker ps lists the running ones"


def test_an_engine_that_counts_no_memory(engine: Engine) -> None:
    """As one without root and without delegated control groups: a missing sample, never a zero."""
    engine.memory = {}
    assert refusal(Container("shop").read) == "the Docker engine reports no memory for container shop"


def test_an_engine_that_refuses(engine: Engine) -> None:
    """Its message is the reason."""
    engine.refusal = (500, "the disk is full")
    assert refusal(Container("shop").state) == "the Docker engine: the disk is full"


def test_an_engine_that_hangs(engine: Engine) -> None:
    """It has its timeout."""
    engine.hang.clear()
    assert refusal(Container("shop", timeout_s=1).read) == "the Docker engine does not answer in time"


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # docker's SDK forgets the socket that did not connect
@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_no_engine(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The reason is what to do."""
    monkeypatch.setenv("DOCKER_HOST", address)
    assert refusal(Container("shop").read) == "no Docker engine answers; start it, or set DOCKER_HOST"


def test_something_that_is_not_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason has what was set."""
    monkeypatch.setenv("DOCKER_HOST", "gibberish")
    line = refusal(Container("shop").read)
    assert line.startswith("the Docker engine: ")
    assert "gibberish" in line


def test_an_engine_without_permission() -> None:
    """The reason is what to type. As the SDK put it for a user outside of the group docker; root is let in."""
    said = "Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
    line = _engine_in_words(DockerException(said))
    assert line == "no permission to use the Docker engine; type sudo usermod -aG docker $USER and log in again"
