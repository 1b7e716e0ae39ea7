"""The check has a memory limit of its own, which the service does not inherit."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.check.driver import Driver, Request
from sadpath.check.own_memory import limited_memory
from sadpath.errors import CommandError, Status
from tests.check.answering import serving
from tests.check.conftest import check

TOO_MUCH = 3 << 30
TELLS_WHO_IS_LIMITED = """\
import sys, psutil
from wsgiref.simple_server import make_server

def is_limited(process):
    return process.rlimit(psutil.RLIMIT_DATA)[0] != psutil.RLIM_INFINITY

def app(environ, start_response):
    us = psutil.Process()
    is_right = not is_limited(us) and any(map(is_limited, us.parents()))
    start_response("409 right" if is_right else "410 wrong", [("Content-Length", "0")])
    return []

make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts such memory")


def test_more_memory_than_that_is_a_failure_in_one_line() -> None:
    """It says what to do, and the limit is as before."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    words = "needs more than 2,048 MiB; leave paths out with --exclude"
    with pytest.raises(CommandError, match=words) as refused, limited_memory():
        bytearray(TOO_MUCH)
    assert refused.value.exit_code == Status.FAILED
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_lower_limit_of_the_users_own_stays() -> None:
    """Ours only ever takes away."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 34, hard))
    try:
        with limited_memory(1 << 40):
            assert resource.getrlimit(resource.RLIMIT_DATA)[0] == 1 << 34
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def test_a_request_that_finds_no_memory_is_a_failure_of_its_own() -> None:
    """The next one is sent."""

    class Huge(str):
        __slots__ = ()

        def encode(self, *_: str) -> bytes:
            return bytes(TOO_MUCH)

    with serving() as server, limited_memory(), Driver(server.url) as driver:
        failed, good = driver.answers([Request("GET", "/", {"X": Huge("y")}), Request("GET", "/")])
    assert failed.failure.startswith("MemoryError")
    assert good.status == 404


def test_the_check_has_it_and_the_service_has_not(tmp_path: Path) -> None:
    """That one's is `--memory-limit`."""
    command = (sys.executable, "-c", TELLS_WHO_IS_LIMITED, str(free_port()))
    found = check(tmp_path, "--request", "GET /x", "--budget", "5", "--", *command)
    assert [one["status"] for one in found.summary["paths"]] == [409]
