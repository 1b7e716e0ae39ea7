"""Requests are known to go to the service that is measured, or the check says to whom they went."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from loadtest.ports import free_port
from sadpath.check.driver import Driver, Request
from sadpath.check.find import ErrorPath, Plan
from sadpath.check.find.careful import Careful
from sadpath.check.measure.session import Session
from sadpath.check.result import EndReason
from sadpath.check.service.reached import stranger
from sadpath.check.service.target import Target
from sadpath.check.settings import Settings
from sadpath.connection import End, Ends
from sadpath.errors import Status
from tests.check.answering import NOT_FOUND, serving
from tests.check.conftest import HERE, check
from tests.required import missing
from tests.waiting import PATIENCE_S, until

US = f"process {os.getpid()} ("
SHARING = """\
import sys
from wsgiref.simple_server import WSGIServer, make_server
from plain import wsgi

class Sharing(WSGIServer):
    allow_reuse_port = True

make_server(sys.argv[1], int(sys.argv[2]), wsgi, server_class=Sharing).serve_forever()
"""
"""A service that leaks, whose port others may share."""


@contextmanager
def running(*command: str, when: Callable[[psutil.Process], object] = lambda _: True) -> Iterator[psutil.Process]:
    """A process of somebody, once the condition holds for it."""
    process = subprocess.Popen(command, cwd=HERE / "services", stderr=subprocess.DEVNULL)
    try:
        until(lambda: when(psutil.Process(process.pid)), PATIENCE_S, "the process")
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def sharing(at: str, port: int) -> tuple[str, ...]:
    """The command that serves at an address, and shares the port."""
    return (sys.executable, "-c", SHARING, at, str(port))


def listens(process: psutil.Process) -> bool:
    """Whether it has a listening socket."""
    return any(one.status == psutil.CONN_LISTEN for one in process.net_connections("tcp"))


def to(*processes: psutil.Process) -> Callable[[], Sequence[psutil.Process]]:
    """What is measured."""
    return lambda: processes


def sent(driver: Driver, count: int = 10) -> list[Ends]:
    """The connections that were opened for so many requests."""
    driver.send([Request("GET", "/")], count)
    return driver.newly_opened()


closes = pytest.mark.parametrize("closes", [False, True], ids=["kept alive", "closed"])


@closes
@pytest.mark.parametrize("at", ["127.0.0.1", "0.0.0.0", "::1", "::"])  # noqa: S104 - as many servers do
def test_requests_that_the_service_takes_are_known(at: str, *, closes: bool) -> None:
    """On any address, over connections that are kept or that end after each answer."""
    with serving(at=at, closes=closes) as server:
        for host in {"0.0.0.0": ["127.0.0.1"], "::": ["127.0.0.1", "[::1]"]}.get(at, [at]):  # noqa: S104 - the same
            url = server.url if host == at else f"http://{host}:{server.port}"
            with Driver(url, connections=3) as driver:
                connections = sent(driver)
                assert connections  # on a busy machine one has taken all turns
                assert stranger(to(psutil.Process()), connections) is None


@closes
def test_requests_that_another_process_takes_are_known_with_its_name(*, closes: bool) -> None:
    """As where the address and the process that were named are of two services."""
    with running("sleep", "600") as measured, serving(closes=closes) as server, Driver(server.url) as driver:
        assert str(stranger(to(measured), sent(driver))).startswith(US)


def test_a_stranger_on_a_nearer_address_takes_the_requests() -> None:
    """The service listens on all interfaces, and the kernel prefers who listens on this one."""
    port = free_port()
    with (
        running(*sharing("0.0.0.0", port), when=listens) as measured,  # noqa: S104 - what the test is about
        serving(port=port, closes=True) as server,
        Driver(server.url) as driver,
    ):
        assert str(stranger(to(measured), sent(driver))).startswith(US)


def test_a_stranger_that_comes_later_is_seen() -> None:
    """Once a connection was opened since."""
    port = free_port()
    with (
        running(*sharing("127.0.0.1", port), when=listens) as measured,
        Driver(f"http://127.0.0.1:{port}") as driver,
    ):
        assert stranger(to(measured), sent(driver)) is None
        with serving(port=port, closes=True):
            assert str(stranger(to(measured), sent(driver))).startswith(US)


def test_a_stranger_that_comes_while_a_path_is_measured_ends_the_check() -> None:
    """What was measured until then stays."""
    port = free_port()
    plan = Plan((ErrorPath("GET", "/leak", 403, Request("GET", "/leak")),))
    with (
        running(*sharing("127.0.0.1", port), when=listens) as measured,
        Driver(f"http://127.0.0.1:{port}") as driver,
    ):
        target = Target("it", driver.url, measured)
        session = Session(target, Careful(driver), plan, Settings(), memory_limit=1 << 40)
        events = session.events()
        next(events)
        with serving(port=port, closes=True):
            deque(events, maxlen=0)
    check = session.check()
    assert check.ended == EndReason.ANOTHER_SERVICE
    assert US in check.ended_early
    assert check.requests > 0


def test_only_new_connections_are_looked_at() -> None:
    """Those that are kept have been."""
    with serving() as server, Driver(server.url) as driver:
        assert len(sent(driver)) == 1
        assert sent(driver) == []


def test_who_takes_requests_in_another_network_namespace_is_unknown() -> None:
    """A container's process has the sockets of its own; that is no stranger."""
    unshare = shutil.which("unshare") or missing("unshare", "install util-linux")
    if os.getuid():
        missing("unshare", "run as root")

    def is_apart(process: psutil.Process) -> bool:
        return Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()

    with (
        running(unshare, "--net", "sleep", "600", when=is_apart) as measured,
        serving() as server,
        Driver(server.url) as driver,
    ):
        assert stranger(to(measured), sent(driver)) is None


def test_who_takes_requests_on_another_machine_is_unknown() -> None:
    """Also where something here listens on the same port, on all interfaces."""
    with running("sleep", "600") as measured, serving(at="0.0.0.0") as server:  # noqa: S104 - what the test is about
        elsewhere = Ends(End(ip_address("192.0.2.1"), 40_000), End(ip_address("192.0.2.2"), server.port))
        assert stranger(to(measured), [elsewhere]) is None


def test_a_service_that_has_ended_is_not_asked_for() -> None:
    """Why it ended is said by who looks after it."""
    with running("sleep", "600") as measured:
        pass
    with serving() as server, Driver(server.url) as driver:
        assert stranger(to(measured), sent(driver)) is None


@pytest.mark.parametrize("status", [b"403", b"404"])
def test_a_leaking_service_that_shares_its_port_is_not_called_flat(status: bytes, tmp_path: Path) -> None:
    """Requests may go to either, so that the check is inconclusive and says to whom they go."""
    port = free_port()
    with serving(lambda _: NOT_FOUND.replace(b"404", status), port=port, closes=True):
        found = check(tmp_path, "--request", "GET /leak", "--", *sharing("127.0.0.1", port), cwd=HERE / "services")
    assert found.status == Status.INCONCLUSIVE
    assert f"the requests to http://127.0.0.1:{port} went to {US}" in found.out
    assert "give the service's own address with --url" in found.out
    assert found.summary["verdict"] == "inconclusive"


def test_an_address_and_a_process_of_two_services_are_told_apart(tmp_path: Path) -> None:
    """The status is that of an inconclusive check."""
    port = free_port()
    with running(*sharing("127.0.0.1", port), when=listens) as measured, serving() as server:
        found = check(tmp_path, "--request", "GET /leak", server.url, "--pid", str(measured.pid))
    assert found.status == Status.INCONCLUSIVE
    assert f"the requests to {server.url} went to {US}" in found.out
