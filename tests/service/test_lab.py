import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings


def retained(client: TestClient) -> int:
    answer: int = client.get("/lab").json()["retained"]["user_not_found"]["traceback_entries"]
    return answer


def strategy(client: TestClient) -> object:
    return client.get("/lab").json()["strategy"]


def test_it_shows_what_is_measured_and_with_what(client: TestClient) -> None:
    """Versions, allocator, arm, memory."""
    lab = client.get("/lab").json()
    assert lab["arm"] == "test"
    assert all(lab[name] for name in ("python", "starlette", "fastapi", "platform", "allocator"))
    assert lab["memory"]["resident_bytes"] > lab["memory"]["anonymous_bytes"] > 1_000_000


def test_it_shows_what_each_object_retains(client: TestClient) -> None:
    """Entries, frames and an estimate of bytes for the object that was raised, nothing for the other."""
    for _ in range(5):
        client.get("/reused/users/42?context_kb=16")
    shown = client.get("/lab").json()["retained"]
    assert shown["user_not_found"]["traceback_entries"] >= 5 * 5
    assert shown["user_not_found"]["frames"] >= 5 * 5
    assert shown["user_not_found"]["estimated_bytes"] > 5 * 16 * 1024
    assert shown["invalid_token"] == {"traceback_entries": 0, "frames": 0, "estimated_bytes": 0}


def test_a_release_detaches_what_was_pinned_and_gives_memory_back(client: TestClient) -> None:
    """Two hundred requests of 256 KiB each are fifty megabytes, and they are gone afterwards."""
    for _ in range(200):
        client.get("/reused/users/42?context_kb=256")
    answer = client.post("/lab/release").json()
    assert answer["before"] - answer["after"] > 40 * 2**20
    assert retained(client) == 0


@pytest.mark.parametrize("fix", ["factory", "detached"])
def test_a_fix_applied_live_ends_the_growth(client: TestClient, fix: str) -> None:
    """With a factory nothing is added; detached, the last raise alone is kept."""
    client.get("/reused/users/42")
    one_raise = retained(client)
    client.put("/lab/strategy", json={"strategy": fix})
    for _ in range(10):
        assert client.get("/reused/users/42").status_code == 404
    assert retained(client) == pytest.approx(one_raise, abs=2)


def test_a_fix_can_be_taken_back(client: TestClient) -> None:
    """Then it leaks again."""
    client.put("/lab/strategy", json={"strategy": "factory"})
    client.put("/lab/strategy", json={"strategy": "reused"})
    client.get("/reused/users/42")
    first = retained(client)
    client.get("/reused/users/42")
    assert retained(client) > first > 0


@pytest.mark.parametrize("body", [b'{"strategy": "prayer"}', b"{}", b'{"strat', b"", b"[]", b'{"strategy": null}'])
def test_a_strategy_that_there_is_not_changes_nothing(client: TestClient, body: bytes) -> None:
    """Unknown, missing or broken: a 422 problem."""
    response = client.put("/lab/strategy", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert strategy(client) == "reused"


@pytest.mark.parametrize(("method", "path"), [("GET", "/lab"), ("POST", "/lab/release"), ("PUT", "/lab/strategy")])
def test_where_it_is_not_exposed_it_is_not_there(method: str, path: str) -> None:
    """It changes state, so a service has to be told to show it."""
    with TestClient(create_app(Settings(control=False))) as client:
        assert client.request(method, path, json={"strategy": "factory"}).status_code == 404
