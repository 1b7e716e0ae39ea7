"""The one place that starts, awaits, restarts and stops a server, with real processes."""

import errno
import re
import socket
import sys
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from loadtest.ports import free_port, free_ports, is_free, is_listening
from loadtest.server import Pool, Server, run_to_its_end, running
from sadpath.errors import CommandError
from tests.waiting import PATIENCE_S, until

LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep({seconds})"


def server(folder: Path, code: str) -> Server:
    """A server that runs this code."""
    return Server("one", ["-c", code, "{port}"], folder, free_port())


def test_it_runs_until_the_block_ends(tmp_path: Path) -> None:
    """And its process is the one that listens."""
    one = server(tmp_path, LISTEN.format(seconds=60))
    with running(one):
        assert is_listening(one.port)
        assert one.pid() > 0
        assert one.restart_if_ended() is None
    assert is_free(one.port)


def test_one_that_ends_at_once_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    """In one line, with the name of the server."""
    one = server(tmp_path, "raise SystemExit('no such setting')")
    with pytest.raises(CommandError, match=r"^one ended at once: no such setting$"), running(one):
        pass


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("one: over its memory limit (101 of 100 MiB resident); exit status 137", r"over its memory limit .* 137$"),
        ("arm one: 101 MiB is over its limit; ending with 137", r"^101 MiB is over its limit; ending with 137$"),
        ("something else", "^exit status 137$"),
    ],
)
def test_one_that_ended_is_started_again_with_its_own_reason(tmp_path: Path, line: str, reason: str) -> None:
    """The service prints why it ended at its memory limit; without that the exit status is the reason."""
    code = f"{LISTEN.format(seconds=0.5)}; print({line!r}); raise SystemExit(137)"
    one = server(tmp_path, code)
    with running(one):
        until(lambda: one.status() is not None, PATIENCE_S, "the end of the server")
        found = one.restart_if_ended()
        assert found
        assert re.search(reason, found)
        one.wait_until_listening()
        assert len(one.restarts) == 1


def test_one_that_never_answered_is_not_started_again(tmp_path: Path) -> None:
    """It would end again."""
    one = server(tmp_path, "raise SystemExit(3)")
    one.start()
    until(lambda: one.status() is not None, PATIENCE_S, "the end of the server")
    with pytest.raises(CommandError, match=r"^one: exit status 3 before it ever answered"):
        one.restart_if_ended()


def test_a_pool_that_was_stopped_stops_its_servers_and_starts_no_more(tmp_path: Path) -> None:
    """As when a measurement in several threads is interrupted."""
    pool = Pool()
    one = server(tmp_path, LISTEN.format(seconds=60))
    with pool.serve(one):
        pool.stop()
        assert one.status() is not None
    with pytest.raises(CancelledError), pool.serve(server(tmp_path, "")):
        pass


def test_a_command_that_is_no_server_runs_to_its_end(tmp_path: Path) -> None:
    """With its exit status and its last line; after the timeout it is stopped."""
    log = tmp_path / "log"
    assert run_to_its_end([sys.executable, "-c", "print('done'); raise SystemExit(3)"], log) == (3, "done")
    status, _ = run_to_its_end([sys.executable, "-c", "import time; time.sleep(60)"], log, timeout_s=0.2)
    assert status == 143


def test_no_free_ports_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason of the system."""

    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(CommandError, match=r"^no free port on 127\.0\.0\.1: Address already in use$"):
        free_ports(2)
