"""What a page of somebody else's can make a browser send to an arm and to Locust: each has to be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

from loadtest.demo.load import watch_options
from loadtest.ports import free_ports
from loadtest.server import Server, running, service
from loadtest.trial.marked import Mark
from loadtest.trial.rows import Plan, Result, Results, Trial, first_failure, result

STRANGER = "http://evil.example"
PUBLIC = "http://192.0.2.1"
"""An address that belongs to nobody: RFC 5737 reserves it for documentation."""

TIMEOUT_S = 20.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
OF_A_PAGE: dict[str, dict[str, str]] = {
    "a foreign Origin": {"Origin": STRANGER},
    "Host evil.example": {"Host": "evil.example"},
    "Host and Origin evil.example": {"Host": "evil.example", "Origin": STRANGER},
    "a cross-site Sec-Fetch-Site": {"Sec-Fetch-Site": "cross-site"},
}
"""What shows that a request comes from a page of another origin, or from one whose name was rebound to this machine."""

ACCEPTS = (
    "",
    ";;;,,,==",
    "*/*;q=",
    "text/plain;q=many",
    "text/plain;version",
    "text/plain;version=1..0",
    "text/plain;version=1.0.0;escaping",
    "application/openmetrics-text;version=",
    "application/openmetrics-text;version=new",
    "application/openmetrics-text;version=1.0.0;escaping=unknown",
    "\xff",
    "a" * 8000,
)
"""Headers that no browser sends, and that no scrape may fail for."""


@dataclass(frozen=True)
class Attack:
    """A request that must not be answered with success."""

    what: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} with {self.what}"


def on_the_lab() -> Iterator[Attack]:
    """Yield the attacks on an arm's controls."""
    for what, headers in OF_A_PAGE.items():
        yield Attack(what, "POST", "/lab/release", headers)
        yield Attack(what, "POST", "/lab/settle", headers)
        yield Attack(what, "PUT", "/lab/strategy", {**headers, **JSON}, json.dumps({"strategy": "factory"}))


def on_locust() -> Iterator[Attack]:
    """Yield the attacks on Locust's web UI."""
    load, foreign = {"user_count": "1", "spawn_rate": "1"}, {"Origin": STRANGER}
    for what, headers, form in (
        ("a foreign Origin", foreign, load),
        ("a public reused_host", {}, {**load, "reused_host": PUBLIC}),
    ):
        yield Attack(what, "POST", "/swarm", {**FORM, **headers}, urlencode(form))
    yield Attack("a foreign Origin", "POST", "/stop", foreign)


def attacks(plan: Plan) -> Results:
    """Attack an arm and Locust, which run idle, and ask both for their metrics."""
    with targets(plan.folder) as (arm, locust):
        for attack in on_the_lab():
            yield refused(arm, attack)
        for attack in on_locust():
            yield refused(locust, attack)
            stop_load(locust)
        for server in (arm, locust):
            yield from (scraped(server, accept) for accept in ACCEPTS)


@contextmanager
def targets(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Run an arm with its controls, and Locust, which waits for somebody to start the load: as little as can be."""
    arm_port, locust_port = free_ports(2)
    mark = Mark()
    arm = service("reused", folder, arm_port, **mark.environment)
    command = ["-m", "locust", "-f", "loadtest/locustfile.py", "--web-host", "127.0.0.1", "--web-port", "{port}"]
    command += ["--reused-host", arm.url, "--factory-host", arm.url, "--users-per-arm", "1", "--rate", "0.1"]
    command += watch_options({"reused": arm.url}, folder / "attacked", 1.0)
    locust = Server("locust", command, folder, locust_port, mark.environment)
    try:
        with running(arm), running(locust):
            yield arm, locust
    finally:
        mark.end()


def refused(server: Server, attack: Attack) -> Result:
    """Send an attack; whatever is answered, it has to be a refusal."""
    status = ask(server, attack.method, attack.path, attack.headers, attack.body)
    is_refused = status is not None and 400 <= status < 500  # noqa: PLR2004 - the client errors
    return result(str(attack), ["" if is_refused else f"answered {status or 'nothing'}, expected a 4xx"])


def scraped(server: Server, accept: str) -> Result:
    """Ask for the metrics with a strange header."""
    status = ask(server, "GET", "/metrics", {"Accept": accept})
    wrong = "" if status == 200 else f"answered {status or 'nothing'}, expected 200"  # noqa: PLR2004
    return result(f"{server.name} /metrics with Accept {accept[:40]!r}", [wrong])


def stop_load(locust: Server) -> None:
    """End a load that an attack began, and start Locust again if an attack ended it."""
    ask(locust, "POST", "/stop", {"Origin": locust.url})
    if locust.status() is not None:
        locust.start()
        locust.wait_until_listening()


def ask(server: Server, method: str, path: str, headers: Mapping[str, str], body: str = "") -> int | None:
    """Return the status of the answer, None if there was none. Headers go as they are, `Host` too."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    with suppress(OSError, HTTPException):
        try:
            connection.request(method, path, body, dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()
    return None


TRIAL = Trial("attacks", attacks, first_failure)
