"""A framework that keeps its routes in another way than is known: the check says so, and goes on."""

import sys
from pathlib import Path

from loadtest.ports import free_port
from tests.check.conftest import check

SERVICE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Sanic:
    router = None

Sanic.__module__ = "sanic.app"
app = Sanic()
HTTPServer(("127.0.0.1", int(sys.argv[1])), BaseHTTPRequestHandler).serve_forever()
"""


def test_a_framework_whose_routes_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Its routes may be in a description, or named one by one."""
    (tmp_path / "service.py").write_text(SERVICE)
    found = check(tmp_path, "--list", "--", sys.executable, tmp_path / "service.py", str(free_port()))
    assert "note: the routes of sanic.app.Sanic could not be read" in found.out
