import pytest
from starlette.testclient import TestClient

from service.errors import Errors
from tests.probe.raising import count_by_hand

PROBLEM = "application/problem+json"
USERS = ["/reused/users/42", "/factory/users/42"]
SESSIONS = ["/reused/session", "/factory/session"]


def entries() -> int:
    return count_by_hand(Errors.user_not_found)[0]


@pytest.mark.parametrize("path", USERS)
def test_a_user_that_is_not_there_is_a_404_problem(client: TestClient, path: str) -> None:
    """Status, title and detail, as RFC 9457 has them."""
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)
    assert response.json() == {
        "type": "about:blank",
        "title": "User not found",
        "status": 404,
        "detail": "There is no user with this id.",
    }


@pytest.mark.parametrize("path", SESSIONS)
def test_a_bad_token_is_a_401_problem_that_says_how_to_sign_in(client: TestClient, path: str) -> None:
    """A 401 owes its client a challenge (RFC 9110)."""
    response = client.get(path, headers={"Authorization": "Bearer nonsense"})
    assert (response.status_code, response.headers["content-type"]) == (401, PROBLEM)
    assert response.headers["www-authenticate"] == "Bearer"


def test_the_reused_path_retains_the_same_entries_with_each_request(client: TestClient) -> None:
    """The leak: a traceback that grows by one raise for each request."""
    client.get("/reused/users/42")
    first = entries()
    for _ in range(9):
        client.get("/reused/users/42")
    assert first > 5
    assert entries() == pytest.approx(10 * first, abs=10)


def test_the_factory_path_retains_nothing(client: TestClient) -> None:
    """The fixed half."""
    for _ in range(10):
        client.get("/factory/users/42")
    assert entries() == 0


def test_the_raising_call_holds_the_context_that_was_asked_for(client: TestClient) -> None:
    """64 KiB in a local of the lookup's frame, which the traceback keeps."""
    client.get("/reused/users/42?context_kb=64")
    entry = Errors.user_not_found.__traceback__
    while entry and entry.tb_next:
        entry = entry.tb_next
    assert entry
    assert len(entry.tb_frame.f_locals["context"]) == 64 * 1024


@pytest.mark.parametrize("value", ["-1", "4097", "many", "1.5", ""])
@pytest.mark.parametrize("path", USERS + SESSIONS)
def test_a_context_out_of_range_is_a_422_problem_and_raises_nothing(client: TestClient, path: str, value: str) -> None:
    """The problem names the parameter; no error path was taken."""
    response = client.get(f"{path}?context_kb={value}")
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)
    assert response.json()["errors"][0]["at"] == "query.context_kb"
    assert entries() == 0


def test_a_path_that_is_not_there_is_a_404_problem(client: TestClient) -> None:
    """Also what the framework answers comes as a problem."""
    response = client.get("/nowhere")
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)


def test_a_method_that_is_not_allowed_says_which_is(client: TestClient) -> None:
    """The framework's headers are kept."""
    response = client.post("/factory/session")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_it_says_that_it_is_well(client: TestClient) -> None:
    """For whoever waits for it to start."""
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_documentation_names_the_errors(client: TestClient) -> None:
    """An error path can be found from the description, with its media type."""
    paths = client.get("/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 200
    for path, status in (("/reused/users/{user_id}", "404"), ("/factory/session", "401")):
        assert PROBLEM in paths[path]["get"]["responses"][status]["content"]
