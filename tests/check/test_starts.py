"""A service that was started: whether probes see all of it."""

from __future__ import annotations

import sys

import pytest

from loadtest.ports import free_port
from sadpath.check.service.start import started

IN_FRONT = """
import http.server, socket, subprocess, sys
from contextlib import suppress
front, behind, *flags = sys.argv[1:]
subprocess.Popen([sys.executable, *flags, "-m", "http.server", behind, "--bind", "127.0.0.1"])
while True:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", int(behind))).close()
        break
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(front), bind="127.0.0.1")
"""


@pytest.mark.parametrize(("flags", "is_seen"), [([], True), (["-I"], False)])
def test_what_is_behind_a_proxy_needs_a_probe_too(flags: list[str], *, is_seen: bool) -> None:
    """Else what it retains would be seen by nobody, and all be flat; the reason names it."""
    front, behind = str(free_port()), str(free_port())
    command = [sys.executable, "-c", IN_FRONT, front, behind, *flags]
    with started(command, url=f"http://127.0.0.1:{front}") as target:
        assert (target.probes is not None) is is_seen
        assert (f"which listens on port {behind}: it may not be CPython" in target.why_no_probe) is not is_seen
