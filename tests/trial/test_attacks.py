"""What a page of somebody else's can make a browser send to an arm and to Locust: each is refused."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from loadtest.ports import free_ports
from loadtest.server import Server, running, service, watch_options

pytestmark = pytest.mark.trial

STRANGER = "http://evil.example"
PUBLIC = "http://192.0.2.1"
"""An address that belongs to nobody: RFC 5737 reserves it for documentation."""

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
    yield Attack("a foreign Origin", "POST", "/swarm", {**FORM, **foreign}, urlencode(load))
    yield Attack("a public reused_host", "POST", "/swarm", FORM, urlencode({**load, "reused_host": PUBLIC}))
    yield Attack("a foreign Origin", "POST", "/stop", foreign)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """An arm with its controls, and Locust, which waits for somebody to start the load: as little as can be."""
    folder = tmp_path_factory.mktemp("attacked")
    arm_port, locust_port = free_ports(2)
    arm = service("reused", folder, arm_port)
    command = ["-m", "locust", "-f", "loadtest/locustfile.py", "--web-host", "127.0.0.1", "--web-port", "{port}"]
    command += ["--reused-host", arm.url, "--factory-host", arm.url, "--users-per-arm", "1", "--rate", "0.1"]
    locust = Server("locust", [*command, *watch_options({"reused": arm.url}, folder, 1.0)], folder, locust_port)
    with ExitStack() as both:
        both.enter_context(running(arm))
        both.enter_context(running(locust))
        yield {"arm": arm, "Locust": locust}


def ask(server: Server, method: str, path: str, headers: Mapping[str, str], body: str = "") -> int:
    """Return the status of the answer. Headers go as they are, `Host` too."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.request(method, path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("attack", list(on_the_lab()), ids=str)
def test_a_strangers_page_changes_nothing_in_an_arm(attack: Attack, servers: dict[str, Server]) -> None:
    """It is answered with an error of the client."""
    assert 400 <= ask(servers["arm"], attack.method, attack.path, attack.headers, attack.body) < 500


@pytest.mark.parametrize("attack", list(on_locust()), ids=str)
def test_a_strangers_page_starts_and_stops_no_load(attack: Attack, servers: dict[str, Server]) -> None:
    """And a page of its own sends the load to nobody else."""
    assert 400 <= ask(servers["Locust"], attack.method, attack.path, attack.headers, attack.body) < 500


@pytest.mark.parametrize("accept", ACCEPTS, ids=lambda accept: ascii(accept)[:40])
@pytest.mark.parametrize("name", ["arm", "Locust"])
def test_a_strange_header_is_answered_with_the_metrics(name: str, accept: str, servers: dict[str, Server]) -> None:
    """A scrape never fails for it."""
    assert ask(servers[name], "GET", "/metrics", {"Accept": accept}) == 200
