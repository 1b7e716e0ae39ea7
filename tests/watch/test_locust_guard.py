"""Who may use Locust's web UI, and where a load may go, in its app."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import gevent
import pytest

from tests.watch.conftest import greenlets_until

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from locust.env import Environment

STRANGER = "http://224.0.0.1"
"""No private address, and one of a group: the kernel itself refuses to connect there, so that no packet can leave."""

EVIL = "http://evil.example"
REFUSAL = (
    "224.0.0.1 (224.0.0.1) is neither this machine nor on a private network; "
    "if you own it, add --sadpath-i-own-this-host"
)


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
    client: "FlaskClient", web_environment: "Environment", form: Mapping[str, str], message: str
) -> None:
    """And an address that comes through it is checked as one on the command line; the load does not start."""
    from sadpath.watch.options import options_of  # noqa: PLC0415 - it imports Locust, as the fixture does

    answer = client.post("/swarm", data={"user_count": "1", "spawn_rate": "1", **form})
    assert (answer.status_code, answer.json) == (400, {"success": False, "message": message})
    assert (web_environment.host, options_of(web_environment).sadpath_i_own_this_host) == (None, False)


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
    client: "FlaskClient", web_environment: "Environment", settings: object, status: int
) -> None:
    """The web UI has a form for each class, with a host."""
    if isinstance(settings, dict):
        settings = {"user_class_name": "Shopper", **settings}
    assert client.post("/user", json=settings).status_code == status
    assert web_environment.user_classes[0].host != STRANGER


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"host":' * 100_000, b'{"host": "\xe9"}', b'{"host": ' + b"9" * 10_000 + b"}", b"\0", b""],
)
def test_settings_that_cannot_be_read_are_refused(client: "FlaskClient", body: bytes) -> None:
    """However deep they are, or however they are encoded."""
    answer = client.post("/user", data=body, content_type="application/json")
    assert (answer.status_code, (answer.json or {})["message"]) == (400, "expected the settings of a class of users")


@pytest.mark.parametrize("path", ["/user", "/swarm"])
def test_a_body_of_more_than_sixteen_mebibytes_is_refused(client: "FlaskClient", path: str) -> None:
    """Before it is read: whoever may use the web UI cannot fill the memory of the machine."""
    answer = client.post(path, data=bytes((1 << 24) + 1), content_type="application/json")
    assert answer.status_code == 413


def test_a_start_is_refused_and_another_may_follow(
    web_environment: "Environment", caplog: pytest.LogCaptureFixture
) -> None:
    """The host can be another one by then; the reason is in the log, and with a host of ours the load runs."""
    runner = web_environment.runner
    assert runner
    web_environment.host = STRANGER
    gevent.spawn(runner.start, 1, 1).join(60)
    greenlets_until(lambda: runner.state == "stopped")
    assert runner.user_count == 0
    assert f"the load is refused: {REFUSAL}" in caplog.messages
    web_environment.host = "http://127.0.0.1"
    gevent.spawn(runner.start, 1, 1).join(60)
    assert (runner.state, runner.user_count) == ("running", 1)


@pytest.mark.parametrize(
    ("options", "variables", "host"),
    [
        ([], {}, "127.0.0.1"),
        (["--web-host", "127.0.0.2"], {}, "127.0.0.2"),
        ([], {"LOCUST_WEB_HOST": "127.0.0.3"}, "127.0.0.3"),
    ],
)
def test_the_web_ui_listens_on_loopback_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, options: list[str], variables: Mapping[str, str], host: str
) -> None:
    """Locust itself would listen on all interfaces: anybody in the same room could start a load."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    from locust.argument_parser import get_parser  # noqa: PLC0415

    from sadpath.plugins.locust import add_options  # noqa: PLC0415

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    parser = get_parser()
    add_options(parser)
    assert parser.parse_args(options).web_host == host
