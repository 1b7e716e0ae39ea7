import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings


def retained(client: TestClient) -> int:
    shown = client.get("/lab").json()["retained"]
    return int(shown["user_not_found"]["traceback_entries"]) if "user_not_found" in shown else 0


def strategy(client: TestClient) -> object:
    return client.get("/lab").json()["strategy"]


def test_it_shows_the_environment_and_the_memory(client: TestClient) -> None:
    """It returns versions, allocator, arm and memory."""
    lab = client.get("/lab").json()
    assert lab["arm"] == "test"
    assert all(lab[name] for name in ("python", "starlette", "fastapi", "platform", "allocator"))
    assert lab["memory"]["resident_bytes"] > lab["memory"]["anonymous_bytes"] > 1_000_000


def test_it_shows_what_each_object_retains(client: TestClient) -> None:
    """It counts entries and frames and estimates bytes; an object that retains nothing is left out."""
    for _ in range(5):
        client.get("/reused/users/42?context_kb=16")
    shown = client.get("/lab").json()["retained"]
    assert shown["user_not_found"]["traceback_entries"] >= 5 * 5
    assert shown["user_not_found"]["frames"] >= 5 * 5
    assert shown["user_not_found"]["estimated_bytes"] > 5 * 16 * 1024
    assert list(shown) == ["user_not_found"]


def test_a_release_detaches_what_was_retained_and_frees_memory(client: TestClient) -> None:
    """200 requests of 256 KiB each retain 50 MiB; the release frees at least 40 of them."""
    for _ in range(200):
        client.get("/reused/users/42?context_kb=256")
    answer = client.post("/lab/release").json()
    assert answer["before"] - answer["after"] > 40 * 2**20
    assert retained(client) == 0


@pytest.mark.parametrize("fix", ["factory", "detached"])
def test_a_fix_applied_live_ends_the_growth(client: TestClient, fix: str) -> None:
    """With a factory nothing is added; detached, only the last raise is retained."""
    client.get("/reused/users/42")
    one_raise = retained(client)
    client.put("/lab/strategy", json={"strategy": fix})
    for _ in range(10):
        assert client.get("/reused/users/42").status_code == 404
    assert retained(client) == pytest.approx(one_raise, abs=2)


def test_a_fix_can_be_undone(client: TestClient) -> None:
    """Then the route leaks again."""
    client.put("/lab/strategy", json={"strategy": "factory"})
    client.put("/lab/strategy", json={"strategy": "reused"})
    client.get("/reused/users/42")
    first = retained(client)
    client.get("/reused/users/42")
    assert retained(client) > first > 0


WRONG = [
    b'{"strategy": "prayer"}',
    b"{}",
    b'{"strat',
    b"",
    b"[]",
    b'{"strategy": null}',
    b"\0",
    b'{"strategy": "\xe9"}',
]
DEEP = [b"[" * 100_000, b'{"strategy":' * 50_000, b'{"strategy": ' + b"[" * 900 + b"]" * 900 + b"}"]


@pytest.mark.parametrize("body", [*WRONG, *DEEP], ids=lambda body: ascii(body[:24]))
def test_an_unknown_strategy_changes_nothing(client: TestClient, body: bytes) -> None:
    """An unknown, missing or malformed strategy is a 422 problem."""
    response = client.put("/lab/strategy", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert strategy(client) == "reused"


@pytest.mark.parametrize(("method", "path"), [("GET", "/lab"), ("POST", "/lab/release"), ("PUT", "/lab/strategy")])
def test_it_answers_404_where_it_is_not_exposed(method: str, path: str) -> None:
    """It changes state, so it is off by default."""
    with TestClient(create_app(Settings(control=False))) as client:
        assert client.request(method, path, json={"strategy": "factory"}).status_code == 404


@pytest.mark.parametrize("origin", ["http://evil.example", "http://testserver:8080", "null"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/lab"), ("POST", "/lab/release"), ("PUT", "/lab/strategy")])
def test_it_refuses_a_page_of_another_origin(client: TestClient, method: str, path: str, origin: str) -> None:
    """A browser sends such a request, with the page's origin; nothing changes."""
    response = client.request(method, path, json={"strategy": "factory"}, headers={"Origin": origin})
    assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
    assert strategy(client) == "reused"


def test_it_answers_a_page_of_its_own_origin(client: TestClient) -> None:
    """The API's documentation page at `/docs` is one."""
    answer = client.put("/lab/strategy", json={"strategy": "factory"}, headers={"Origin": "http://testserver"})
    assert answer.json() == {"strategy": "factory"}


LAB = [
    ("GET", "/lab"),
    ("POST", "/lab/release"),
    ("POST", "/lab/settle"),
    ("PUT", "/lab/strategy"),
]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Origin": "http://["},
        {"Host": "evil.example"},
        {"Host": "evil.example:8001", "Origin": "http://evil.example:8001", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
    ],
)
@pytest.mark.parametrize(("method", "path"), LAB)
def test_it_refuses_what_a_browser_sends_for_a_stranger(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    """A form of another origin, which may send no `Origin`, and a name that was rebound to this machine's address."""
    response = client.request(method, path, json={"strategy": "factory"}, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
    assert strategy(client) == "reused"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8001", "localhost:8001", "[::1]:8001", "192.168.1.5", "reused:8000", "factory", "lab.localhost:8001"],
)
@pytest.mark.parametrize("site", [{}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}])
def test_it_answers_to_its_own_names(client: TestClient, host: str, site: dict[str, str]) -> None:
    """Those of the machine and of Compose: to a script, to an address that somebody typed, to its own page."""
    response = client.put("/lab/strategy", json={"strategy": "factory"}, headers={"Host": host, **site})
    assert response.json() == {"strategy": "factory"}
