"""A service is found where it listens, whatever the address, and reached there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import check, shop

CLOSES_ON_OPTIONS = """\
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def parse_request(self):
        is_right = super().parse_request()
        self.close_connection = self.close_connection or self.path == "*"
        return is_right and self.path != "*"

    def do_GET(self):
        self.send_error(404)

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize("host", ["::", "::1"])
def test_a_service_on_ipv6_alone_is_found(host: str, tmp_path: Path) -> None:
    """As uvicorn's with `--host ::`, which takes no connections by IPv4."""
    port = free_port()
    found = check(tmp_path, "--request", "GET /flat/fresh", "--", *shop(port), "--host", host)
    assert found.summary["url"] == f"http://[::1]:{port}"
    assert found.path("GET /flat/fresh 409")["verdict"] == "flat"


def test_an_address_of_ipv6_may_be_named(tmp_path: Path) -> None:
    """In brackets, as in any address."""
    url = f"http://[::1]:{(port := free_port())}"
    found = check(tmp_path, "--request", "GET /flat/fresh", "--url", url, "--", *shop(port), "--host", "::")
    assert found.path("GET /flat/fresh 409")["verdict"] == "flat"


def test_a_service_that_does_not_answer_to_options_is_found(tmp_path: Path) -> None:
    """Nor names its port: Twisted closes the connection on `OPTIONS *`."""
    command = (sys.executable, "-c", CLOSES_ON_OPTIONS, str(free_port()))
    found = check(tmp_path, "--request", "GET /x", "--", *command)
    assert found.path("GET /x 404")["verdict"] == "flat"
