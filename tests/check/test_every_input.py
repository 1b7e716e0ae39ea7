"""`sadpath check` on a service that keeps something for each value of one input, of each kind of input."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, Checked, check

REQUESTS = """
[[request]]
path = "/parameter/{id}"
[[request]]
path = "/query?page=1&q=a&q=b"
[[request]]
path = "/header"
headers = {If-None-Match = "abc"}
[[request]]
path = "/cookie"
headers = {Cookie = "theme=dark; session=none"}
[[request]]
path = "/token"
headers = {Authorization = "Bearer wrong"}
[[request]]
path = "/address"
[[request]]
method = "POST"
path = "/text"
body = '{"user": {"name": "ann", "password": "wrong"}, "total": {n}}'
[[request]]
method = "POST"
path = "/number"
body = '[{"id": 17}]'
[[request]]
method = "POST"
path = "/name"
body = '{"name": "ann"}'
[[request]]
method = "POST"
path = "/field"
headers = {Content-Type = "application/x-www-form-urlencoded"}
body = "name=ann&password=wrong"
[[request]]
method = "POST"
path = "/body"
body = "<ann/>"
[[request]]
method = "POST"
path = "/none"
body = '{"name": "ann"}'
"""

KEYS = {
    "GET /parameter/{id} 401": "keyed.BY_ID",
    "GET /query 401": "keyed.BY_VALUE",
    "GET /header 401": "keyed.BY_HEADER",
    "GET /cookie 401": "keyed.BY_COOKIE",
    "GET /token 401": "keyed.BY_TOKEN",
    "GET /address 401": "keyed.BY_ADDRESS",
    "POST /text 401": "keyed.BY_TEXT",
    "POST /number 401": "keyed.BY_NUMBER",
    "POST /name 401": "keyed.BY_NAME",
    "POST /field 401": "keyed.BY_FIELD",
    "POST /body 401": "keyed.BY_BODY",
}


def keyed(folder: Path, requests: str, *options: str) -> Checked:
    """A check of these requests."""
    file = folder / "requests.toml"
    file.write_text(requests)
    server = [sys.executable, "-m", "uvicorn", "keyed:app", "--port", str(free_port()), "--no-access-log"]
    return check(folder, "--config", file, "--budget", "300", *options, "--", *server, cwd=HERE / "services")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """A check of all."""
    return keyed(tmp_path_factory.mktemp("keyed"), REQUESTS.replace("{n}", "5"), "--writes")


@pytest.mark.slow
@pytest.mark.parametrize("name", KEYS)
def test_what_is_kept_by_an_input_is_found(whole: Checked, name: str) -> None:
    """With the same request each time it is flat."""
    path = whole.path(name)
    assert (path["verdict"], path["cause"]["held_by"]) == ("leaks", KEYS[name])
    assert path["reason"].startswith("with other inputs each time, ")


@pytest.mark.slow
def test_a_service_that_keeps_none_is_flat(whole: Checked) -> None:
    """Whatever it is sent."""
    assert whole.path("POST /none 401")["verdict"] == "flat"


@pytest.mark.slow
def test_braces_say_what_varies_of_a_write(tmp_path: Path) -> None:
    """Without `--writes`: without braces it is sent as it stands."""
    request = '[[request]]\nmethod = "POST"\npath = "/text"\nbody = \'{"user": {"name": "%s"}}\'\n'
    for value, verdict in (("{name}", "leaks"), ("ann", "flat")):
        assert keyed(tmp_path, request % value).path("POST /text 401")["verdict"] == verdict
