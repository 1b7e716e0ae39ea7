import logging
import re

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from service.app import create_app
from service.errors import Errors
from service.problems import BoundedBody
from service.settings import Settings
from tests.probe.raising import count_by_hand

PROBLEM = "application/problem+json"
USERS = ["/reused/users/42", "/factory/users/42"]
SESSIONS = ["/reused/session", "/factory/session"]


def entries() -> int:
    return count_by_hand(Errors.user_not_found)[0]


@pytest.mark.parametrize("path", USERS)
def test_an_unknown_user_is_a_404_problem(client: TestClient, path: str) -> None:
    """It has a type, a status, a title and a detail, as RFC 9457 requires."""
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)
    assert response.json() == {
        "type": "about:blank",
        "title": "User not found",
        "status": 404,
        "detail": "There is no user with this id.",
    }


@pytest.mark.parametrize("path", SESSIONS)
def test_an_unknown_token_is_a_401_problem_with_a_challenge(client: TestClient, path: str) -> None:
    """RFC 9110 requires `WWW-Authenticate` with a 401."""
    response = client.get(path, headers={"Authorization": "Bearer nonsense"})
    assert (response.status_code, response.headers["content-type"]) == (401, PROBLEM)
    assert response.headers["www-authenticate"] == "Bearer"


def test_the_reused_path_retains_as_many_entries_for_each_request(client: TestClient) -> None:
    """This is the leak: each request adds the entries of one raise."""
    client.get("/reused/users/42")
    first = entries()
    for _ in range(9):
        client.get("/reused/users/42")
    assert first > 5
    assert entries() == pytest.approx(10 * first, abs=10)


def test_the_factory_path_retains_nothing(client: TestClient) -> None:
    """This is the fixed variant."""
    for _ in range(10):
        client.get("/factory/users/42")
    assert entries() == 0


def test_the_raising_call_holds_the_requested_context(client: TestClient) -> None:
    """A local of the lookup's frame holds 64 KiB, and the traceback retains the frame."""
    client.get("/reused/users/42?context_kb=64")
    entry = Errors.user_not_found.__traceback__
    while entry and entry.tb_next:
        entry = entry.tb_next
    assert entry
    assert len(entry.tb_frame.f_locals["context"]) == 64 * 1024


@pytest.mark.parametrize("value", ["-1", "4097", "many", "1.5", ""])
@pytest.mark.parametrize("path", USERS + SESSIONS)
def test_a_context_out_of_range_is_a_422_problem_and_raises_nothing(client: TestClient, path: str, value: str) -> None:
    """The problem names the parameter; the error path does not run."""
    response = client.get(f"{path}?context_kb={value}")
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)
    assert response.json()["errors"][0]["at"] == "query.context_kb"
    assert entries() == 0


def test_an_unknown_path_is_a_404_problem(client: TestClient) -> None:
    """The framework's own errors become problems too."""
    response = client.get("/nowhere")
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)


def test_a_wrong_method_is_answered_with_the_allowed_one(client: TestClient) -> None:
    """The framework's headers stay in the problem response."""
    response = client.post("/factory/session")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_the_health_check_returns_ok(client: TestClient) -> None:
    """Scripts that start the service wait for it."""
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_documentation_names_the_errors(client: TestClient) -> None:
    """A tool can find the error paths in the OpenAPI description, with their media type."""
    paths = client.get("/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 200
    for path, status in (("/reused/users/{user_id}", "404"), ("/factory/session", "401")):
        assert PROBLEM in paths[path]["get"]["responses"][status]["content"]


def test_the_documentation_needs_no_network(client: TestClient) -> None:
    """Its script and its style come from the service; a venue has no CDN."""
    page = client.get("/docs").text
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sorted(linked) == ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "data:,"]
    assert "http" not in re.sub(r"https?://127", "", page)
    for link, kind in (("/docs/swagger-ui-bundle.js", "text/javascript"), ("/docs/swagger-ui.css", "text/css")):
        answer = client.get(link)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert len(answer.content) > 50_000


def test_the_page_at_the_root_links_to_the_others(client: TestClient) -> None:
    """A browser shows it; every link on it works."""
    page = client.get("/")
    links = re.findall(r'href="([^"]+)"', page.text)
    assert page.headers["content-type"].startswith("text/html")
    assert links == ["/docs", "/twins", "/metrics"]
    assert {client.get(link).status_code for link in links} == {200}


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_above_a_mebibyte_is_a_413_problem(client: TestClient, *, in_chunks: bool) -> None:
    """With its length given or not; it is refused before it is collected."""
    body = [b"[" * 2**20, b"["]
    response = client.put("/lab/strategy", content=iter(body) if in_chunks else b"".join(body))
    assert (response.status_code, response.headers["content-type"]) == (413, PROBLEM)


def test_a_body_of_a_mebibyte_is_read(client: TestClient) -> None:
    """It is no strategy, which is another problem."""
    response = client.put("/lab/strategy", content=b"[" * 2**20)
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)


def test_a_request_without_a_body_is_passed_on_as_it_is() -> None:
    """No frame and no object of the guard is in the traceback of an error path."""
    seen: list[object] = []
    receive, send = object(), object()
    guard = BoundedBody(lambda *call: seen.append(call))  # type: ignore[arg-type]
    guard({"type": "http", "headers": []}, receive, send)  # type: ignore[arg-type]
    assert seen == [({"type": "http", "headers": []}, receive, send)]


def test_an_error_that_nothing_handles_is_a_500_problem() -> None:
    """The framework raises it again afterwards, for the server to log."""
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as client:
        response = client.get("/twins/unhandled/factory")
    assert (response.status_code, response.headers["content-type"]) == (500, PROBLEM)


def test_an_unknown_twin_is_declared(client: TestClient) -> None:
    """A tool that reads the OpenAPI description expects its 404."""
    responses = client.get("/openapi.json").json()["paths"]["/twins/{twin}"]["get"]["responses"]
    assert PROBLEM in responses["404"]["content"]
    assert client.get("/twins/none").headers["content-type"] == PROBLEM


@pytest.mark.parametrize("variant", ["reused", "factory", "websocket-exception"])
def test_bytes_are_an_unknown_command_of_a_websocket(client: TestClient, variant: str) -> None:
    """They end the session as any other message does, not with an error of the server's."""
    with client.websocket_connect(f"/twins/websocket/{variant}") as session:
        session.send_bytes(b"\0")
        messages = [session.receive() for _ in range(1 if variant == "websocket-exception" else 2)]
    assert messages[-1]["code"] == (1008 if variant == "websocket-exception" else 1000)


@pytest.mark.usefixtures("client")
def test_a_websocket_client_that_leaves_early_is_not_logged() -> None:
    """The server would log four kilobytes for each of them. Another error of a session is logged."""
    logger = logging.getLogger("uvicorn.error")
    for error, is_logged in ((WebSocketDisconnect(1006), False), (KeyError("text"), True)):
        record = logger.makeRecord(logger.name, logging.ERROR, "", 0, "", (), (type(error), error, None))
        assert bool(logger.filter(record)) is is_logged
