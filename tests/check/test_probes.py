"""What the probes of all processes answer, added up."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from loadtest.ports import free_port
from sadpath.check.routes import Route, Routes
from sadpath.check.service import probes as module
from sadpath.check.service.probes import NoAnswer, Probes, Snapshot, Traceback, installed
from tests.check.conftest import check
from tests.waiting import PATIENCE_S


class Answering(Probes):
    """Probes that answer so, by process; what is under test is what is made of it."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        super().__init__(Path("nowhere"))
        self._answers = dict(enumerate(answers, 1))

    def ask(self, op: str, timeout_s: float = 30.0, **arguments: object) -> dict[int, Any]:
        """Answer."""
        del op, timeout_s, arguments
        return self._answers


def settled(**figures: Any) -> dict[str, Any]:
    """What the probe of one process answers."""
    known = {
        "in_use": 100,
        "anonymous": 1000,
        "collected": 3,
        "garbage": 40,
        "live_exceptions": 2,
        "tracebacks": [[7, "shop.E", 5]],
    }
    return {**known, **figures}


def test_all_processes_are_added_up() -> None:
    """And an object is known by its process, since two may have one at the same address."""
    assert Answering(settled(), settled(in_use=11)).settle() == Snapshot(
        identity=(1, 2),
        processes=2,
        in_use=111,
        anonymous=2000,
        collected=6,
        garbage=80,
        live_exceptions=4,
        tracebacks={(1, 7): Traceback("shop.E", 5), (2, 7): Traceback("shop.E", 5)},
    )


@pytest.mark.parametrize("figure", ["in_use", "anonymous", "live_exceptions", "tracebacks"])
def test_what_one_process_does_not_know_is_unknown_of_all(figure: str) -> None:
    """It is no zero: jemalloc counts no bytes in use, and threads without the GIL allow no census."""
    assert getattr(Answering(settled(), settled(**{figure: None})).settle(), figure) is None


def test_routes_of_several_workers_are_listed_once() -> None:
    """Each has the same app, and what could not be read is said once."""
    user = {"method": "GET", "path": "/users/{id}", "handler": "shop.user"}
    worker = {"routes": [user, {"method": "POST", "path": "/orders", "handler": ""}], "notes": ["one"]}
    found = Route("GET", "/users/{id}", "shop.user"), Route("POST", "/orders")
    assert Answering(worker, worker).routes() == Routes(found, ("one",))


def test_where_no_probe_answers_there_are_no_versions_and_no_routes(tmp_path: Path) -> None:
    """The check goes on without."""
    assert Probes(tmp_path).versions() == {}
    assert Probes(tmp_path).routes() == Routes()


Send = Callable[[socket.socket], object]


@contextmanager
def answering_with(folder: Path, send: Send, pid: int = 1) -> Iterator[Probes]:
    """A process that is no probe of ours, but another user's, and answers one question."""
    with socket.create_server(str(folder / f"{pid}.s"), family=socket.AF_UNIX) as server:

        def serve() -> None:
            with server.accept()[0] as connection, suppress(OSError):
                if connection.recv(1000):
                    send(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Probes(folder)
        thread.join(PATIENCE_S)


def line(page: object) -> bytes:
    """An answer as it is sent."""
    return json.dumps(page).encode() + b"\n"


ONE = settled()

BROKEN = {
    "no JSON": b"nonsense\n",
    "no UTF-8": b'{"ok": "\xff"}\n',
    "too deep": b"[" * 100_000 + b"\n",
    "too long a number": b'{"ok": ' + b"9" * 5000 + b"}\n",
    "another type": line([]),
    "nothing in it": line({}),
    "an error that is none": line({"error": 5}),
    "a missing field": line({"ok": {key: value for key, value in ONE.items() if key != "collected"}}),
    "a field too many": line({"ok": {**ONE, "more": 1}}),
    "a text for a number": line({"ok": {**ONE, "in_use": "5"}}),
    "infinity": line({"ok": {**ONE, "in_use": float("inf")}}),
    "a number of 100 bits": line({"ok": {**ONE, "in_use": 1 << 100}}),
    "half a traceback": line({"ok": {**ONE, "tracebacks": [[1, "E"]]}}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_answer_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    """Without a traceback of ours: the process may be another user's."""
    with (
        answering_with(tmp_path, lambda connection: connection.sendall(BROKEN[name])) as probes,
        pytest.raises(NoAnswer, match=r"^the probe in process 1 answers what is no answer to looks\.settle$"),
    ):
        probes.settle()


def test_an_answer_without_its_end_is_none(tmp_path: Path) -> None:
    """The process has ended meanwhile."""
    with (
        answering_with(tmp_path, lambda connection: connection.sendall(b'{"ok"')) as probes,
        pytest.raises(NoAnswer, match="no process of the service answers"),
    ):
        probes.settle()


def test_an_answer_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a limit that no answer of ours reaches."""
    monkeypatch.setattr(module, "MAX_ANSWER", 5 << 20)

    def send(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    with answering_with(tmp_path, send) as probes, pytest.raises(NoAnswer, match="answers more than 5 MiB"):
        probes.settle()


def test_an_answer_has_to_be_complete_in_time(tmp_path: Path) -> None:
    """However often a byte of it comes."""

    def send(connection: socket.socket) -> None:
        while True:
            connection.sendall(b" ")
            time.sleep(0.01)

    with answering_with(tmp_path, send) as probes, pytest.raises(NoAnswer, match="took more than 1 s"):
        probes.ask("looks.settle", timeout_s=1)


def test_the_reason_of_an_error_is_short(tmp_path: Path) -> None:
    """Whatever the process calls one."""
    with (
        answering_with(tmp_path, lambda connection: connection.sendall(line({"error": "x" * 10_000}))) as probes,
        pytest.raises(NoAnswer) as caught,
    ):
        probes.settle()
    assert len(str(caught.value)) < 400


@pytest.mark.skipif(os.geteuid() != 0, reason="only root meets sockets of other users")
def test_a_link_to_somebody_elses_socket_is_asked_nothing(tmp_path: Path) -> None:
    """The folder is another user's, and what it links to is root's."""
    asked: list[socket.socket] = []
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "2.s").symlink_to(tmp_path / "1.s")
    os.chown(folder, 54321, 54321)
    with (
        answering_with(tmp_path, asked.append),
        pytest.raises(NoAnswer, match="no process of the service answers"),
    ):
        Probes(folder).ask("looks.hello")
    assert not asked


def test_versions_are_read_from_names_alone(tmp_path: Path) -> None:
    """METADATA may be damaged, in latin-1, a pipe, or not to be read."""
    for name in ("FastAPI-0.1.2", "starlette-1.0rc1", "Flask-2.0-py3.9", "my_app-1.0"):
        folder = tmp_path / f"{name}.{'egg' if 'py3' in name else 'dist'}-info"
        folder.mkdir()
        (folder / "METADATA").write_bytes(b"Name: caf\xe9\n")
    (tmp_path / "uvicorn-.dist-info").touch()
    (tmp_path / "django.dist-info").touch()
    found = installed([str(tmp_path)])
    assert found == {"fastapi": "0.1.2", "starlette": "1.0rc1", "flask": "2.0", "my-app": "1.0"}


def test_the_first_folder_wins_as_it_does_in_python(tmp_path: Path) -> None:
    """What is no folder, or a relative one, which would be ours, has none."""
    for folder, version in (("a", "1"), ("b", "2")):
        (tmp_path / folder / f"flask-{version}.dist-info").mkdir(parents=True)
    places = ["", "nowhere", "\0", str(tmp_path / "missing"), *(str(tmp_path / name) for name in "ab")]
    assert installed(places) == {"flask": "1"}


LEAKS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

sys.modules["_sadpath_probe.explain"] = None
REUSED = ValueError()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            raise REUSED
        except ValueError:
            self.send_error(404)

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A service that leaks, and in which what names causes cannot be imported."""


def test_why_a_cause_is_missing_is_said(tmp_path: Path) -> None:
    """In a note of the check; the verdict stands."""
    service = [sys.executable, "-c", LEAKS, str(free_port())]
    found = check(tmp_path, "--request", "GET /x", "--budget", "5", "--", *service)
    assert found.path("GET /x 404")["verdict"] == "leaks"
    (note,) = [one for one in found.summary["notes"] if "cause" in one]
    assert note.startswith("GET /x 404: its cause is not known, since the probe in process ")
    assert note.endswith(": a module of the probe cannot be imported")
