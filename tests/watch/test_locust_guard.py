"""Who may use Locust's web UI, and where a load may go: in its app, and in a real Locust."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from loadtest.ports import free_port, free_ports
from sadpath.lifeline import Child
from tests.waiting import until

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from locust.env import Environment

STRANGER = "http://224.0.0.1"
"""No private address, and one of a group: the kernel itself refuses to connect there, so that no packet can leave."""

FIRST = "not hasattr(environment, 'changed') and setattr(environment, 'changed', True) is None"
"""Only at the first start."""

EVIL = "http://evil.example"
REFUSAL = (
    "224.0.0.1 (224.0.0.1) is neither this machine nor on a private network; "
    "if you own it, add --sadpath-i-own-this-host"
)
LOCUSTFILE = """
from locust import FastHttpUser, constant, events, task
from locust.runners import WorkerRunner
from sadpath.plugins.locust import register

HOST = {host!r}


def change(environment, **_):
    "As a person can, or a name server, after the first check."
    if {where}:
        environment.host = Client.host = HOST


events.test_start.add_listener(change)
register(events)


class Client(FastHttpUser):
    host = "http://127.0.0.1"
    wait_time = constant(0.1)

    @task
    def missing(self):
        self.client.get("/")
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> "Iterator[Environment]":
    """Locust with its real web UI, which is asked without a socket: no load runs, since nothing switches greenlets."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # the other tests need their sockets and threads as they are
    from locust import User  # noqa: PLC0415
    from locust.argument_parser import get_parser  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    from sadpath.watch.guard import guard  # noqa: PLC0415
    from sadpath.watch.options import add_options  # noqa: PLC0415

    class Shopper(User):
        """Never runs."""

    monkeypatch.setattr("sys.argv", ["locust"])  # which its page reads, to show the options
    parser = get_parser()
    add_options(parser)
    options = parser.parse_args(["--web-host", "locust.lab.example"])
    environment = Environment(
        user_classes=[Shopper],
        available_user_classes={"Shopper": Shopper},  # type: ignore[dict-item]  # it is a class, as its name says
        available_user_tasks={"Shopper": []},
        parsed_options=options,
    )
    runner = environment.create_local_runner()
    web_ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
    assert web_ui.app
    guard(web_ui.app, environment)
    yield environment
    runner.quit()


@pytest.fixture
def client(environment: "Environment") -> "FlaskClient":
    assert environment.web_ui
    assert environment.web_ui.app
    return environment.web_ui.app.test_client()


ATTACKS: Mapping[str, Mapping[str, str]] = {
    "a page of another origin": {"Origin": EVIL},
    "a page of another port": {"Origin": "http://127.0.0.1:3000"},
    "a page that hides its origin": {"Origin": "null"},
    "an origin that is none": {"Origin": "http://["},
    "a browser that says so": {"Sec-Fetch-Site": "cross-site"},
    "a frame": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    "a name that was rebound": {"Host": "evil.example"},
    "a name that was rebound, as one origin": {"Host": "evil.example:8089", "Origin": "http://evil.example:8089"},
    "a public address": {"Host": "8.8.8.8"},
    "no name": {"Host": "["},
}


@pytest.mark.parametrize("headers", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/swarm"), ("POST", "/stop"), ("GET", "/stats/requests"), ("GET", "/exceptions")]
)
def test_the_web_ui_does_not_answer_a_page_of_another_origin(
    client: "FlaskClient", method: str, path: str, headers: Mapping[str, str]
) -> None:
    """Which is open in the same browser, or whose name was rebound to this machine: 403, in one line of text."""
    answer = client.open(path, method=method, headers={"Host": "127.0.0.1:8089", **headers})
    assert (answer.status_code, answer.mimetype, answer.text.count("\n")) == (403, "text/plain", 1)
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_page_of_another_origin_cannot_send_a_form(client: "FlaskClient") -> None:
    """A browser sends it without asking, as a navigation, which may open a page but not start a load."""
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.post("/stop", headers=navigation).status_code == 403
    assert client.get("/", headers=navigation).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "127.0.0.1:8089", "Origin": "http://127.0.0.1:8089", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1:8089", "Sec-Fetch-Site": "none"},
        {"Host": "[::1]:8089", "Origin": "http://[::1]:8089"},
        {"Host": "192.168.1.7:8089"},
        {"Host": "locust:8089"},
        {"Host": "lab.localhost"},
        {"Host": "LOCUST.lab.example:8089"},
    ],
)
def test_its_own_pages_and_programs_are_answered(client: "FlaskClient", headers: Mapping[str, str]) -> None:
    """By an address, by a name of the local network, or by that of --web-host; nobody else may read the answer."""
    answer = client.get("/stats/requests", headers=headers)
    assert answer.status_code == 200
    assert client.post("/stop", headers=headers).status_code == 200
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"sadpath_i_own_this_host": "true"}, "sadpath_i_own_this_host: cannot be changed while Locust runs"),
        ({"sadpath_watch": "a", "web_host": ""}, "sadpath_watch, web_host: cannot be changed while Locust runs"),
        ({"host": STRANGER}, REFUSAL),
        ({"host": "ht<tp://224.0.0.1"}, REFUSAL),
        ({"profile": STRANGER}, REFUSAL),
        (
            {"host": "127.0.0.1"},
            "expected the address of a service, got '127.0.0.1' (for example http://127.0.0.1:8000)",
        ),
    ],
)
def test_the_web_ui_changes_only_what_it_has_a_field_for(
    client: "FlaskClient", environment: "Environment", form: Mapping[str, str], message: str
) -> None:
    """And an address that comes through it is checked as one on the command line; the load does not start."""
    from sadpath.watch.options import options_of  # noqa: PLC0415 - it imports Locust, as the fixture does

    answer = client.post("/swarm", data={"user_count": "1", "spawn_rate": "1", **form})
    assert (answer.status_code, answer.json) == (400, {"success": False, "message": message})
    assert (environment.host, options_of(environment).sadpath_i_own_this_host) == (None, False)


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"host": "http://127.0.0.1:8000", "weight": 2}, 201),
        ({"host": None}, 201),
        ({"host": STRANGER}, 400),
        ({"proxy_host": "127.0.0.1"}, 400),
        (["no settings"], 400),
    ],
)
def test_a_class_of_users_is_not_sent_to_a_stranger_either(
    client: "FlaskClient", environment: "Environment", settings: object, status: int
) -> None:
    """The web UI has a form for each class, with a host."""
    if isinstance(settings, dict):
        settings = {"user_class_name": "Shopper", **settings}
    assert client.post("/user", json=settings).status_code == status
    assert environment.user_classes[0].host != STRANGER


class Locust:
    """A Locust with the plugin, whose host changes after the first check."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "locustfile.py"
        self.log = folder / "log"
        self.port, self.master = free_ports(2)

    def command(self, *options: str, where: str = "False") -> list[str]:
        """Return what a user types."""
        self._file.write_text(LOCUSTFILE.format(host=STRANGER, where=where))
        ports = ["--web-port", str(self.port), "--master-port", str(self.master)]
        ports += ["--master-bind-port", str(self.master)]
        return [sys.executable, "-m", "locust", "-f", str(self._file), "--only-summary", *ports, *options]

    def ask(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> tuple[int, str]:
        """Return the status and the body of an answer, as a script without an origin gets it."""
        data = None if form is None else urlencode(form).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urlopen(Request(url, data, headers), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def state(self) -> str:
        """Return what it does: ready, spawning, running, stopped; nothing while it does not answer."""
        try:
            return str(json.loads(self.ask("/stats/requests")[1])["state"])
        except OSError:
            return ""


@pytest.fixture
def locust(tmp_path: Path) -> Locust:
    return Locust(tmp_path)


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_a_host_is_checked_at_the_start_of_the_load(locust: Locust) -> None:
    """Not only when Locust starts: without a web UI, it ends with the one line and the status of a wrong command."""
    result = run(locust.command("--headless", "--run-time", "2", where="True"))
    assert result.returncode == 2
    assert f"locust: {REFUSAL}" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    assert "Network is unreachable" not in result.stderr + result.stdout


def test_a_worker_checks_the_host_itself(locust: Locust) -> None:
    """Its name server may give it another address than its master's does."""
    where = "isinstance(environment.runner, WorkerRunner)"
    options = ["--headless", "--processes", "1", "--run-time", "4"]
    result = run(locust.command(*options, where=where))
    assert f"locust: {REFUSAL}" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    assert "Network is unreachable" not in result.stderr + result.stdout


@pytest.mark.parametrize("distributed", [[], ["--processes", "1"]], ids=["alone", "master and worker"])
def test_where_there_is_a_web_ui_the_start_is_refused_and_another_may_follow(
    locust: Locust, distributed: list[str]
) -> None:
    """The reason is in the log, Locust goes on, and with a host of ours the load runs."""
    process = Child(locust.command("--autostart", "--users", "1", *distributed, where=FIRST), locust.log)
    try:
        until(lambda: f"the load is refused: {REFUSAL}" in locust.log.read_text(), 60, "the refusal in the log")
        until(lambda: locust.state() in {"ready", "stopped"}, 30, "an answer")
        form = {"user_count": "1", "spawn_rate": "1", "host": f"http://127.0.0.1:{free_port()}"}
        assert locust.ask("/swarm", {**form, "host": STRANGER})[0] == 400
        assert json.loads(locust.ask("/swarm", form)[1])["success"] is True
        until(lambda: locust.state() == "running", 30, "a load")
        assert locust.ask("/stop", {})[0] == 200
        log = locust.log.read_text()  # before it is interrupted, wherever it is then
    finally:
        process.stop(signal.SIGINT, 30)
    assert "Traceback" not in log
    assert "unreachable" not in log


def test_over_http_too_only_its_own_pages_and_programs_are_answered(locust: Locust) -> None:
    """The whole way, through the server and its sockets."""
    process = Child(locust.command(), locust.log)
    try:
        until(lambda: locust.state() == "ready", 60, "an answer")
        form = {"user_count": "1", "spawn_rate": "1", "host": "http://127.0.0.1:1"}
        assert locust.ask("/swarm", form, Origin=EVIL)[0] == 403
        assert locust.ask("/stop", {}, Origin=EVIL)[0] == 403
        assert locust.ask("/stats/requests", Origin=EVIL)[0] == 403
        assert locust.ask("/metrics", Host="evil.example")[0] == 403
        assert locust.ask("/swarm", {**form, "sadpath_reports": "/tmp/x"})[0] == 400  # noqa: S108 - not written
        assert locust.state() == "ready"
        assert locust.ask("/stats/reset", {}) == (200, "ok")
    finally:
        process.stop(signal.SIGINT, 30)


def listens_at(locust: Locust, options: list[str], environment: Mapping[str, str]) -> str:
    """Return where Locust says that its web UI is."""
    process = Child(locust.command(*options), locust.log, environment)
    try:
        until(lambda: "Starting web interface at" in locust.log.read_text(), 60, "the address in the log")
        return locust.log.read_text().partition("Starting web interface at ")[2].partition(",")[0]
    finally:
        process.stop(signal.SIGINT, 30)


@pytest.mark.parametrize(
    ("options", "environment", "host"),
    [
        ([], {}, "127.0.0.1"),
        (["--web-host", "127.0.0.2"], {}, "127.0.0.2"),
        ([], {"LOCUST_WEB_HOST": "127.0.0.3"}, "127.0.0.3"),
    ],
)
def test_the_web_ui_listens_on_loopback_unless_told_otherwise(
    locust: Locust, options: list[str], environment: Mapping[str, str], host: str
) -> None:
    """Locust itself would listen on all interfaces: anybody in the same room could start a load."""
    assert listens_at(locust, options, environment) == f"http://{host}:{locust.port}"
