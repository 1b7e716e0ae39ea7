"""`GET /lab/cause`: what retains most, as the live page draws it."""

from starlette.testclient import TestClient

from service.cause import ENTRIES


def test_there_is_none_where_nothing_is_retained(client: TestClient) -> None:
    """A factory's errors are gone."""
    client.get("/factory/users/42")
    assert client.get("/lab/cause").json() is None


def test_it_names_the_object_and_where_it_is_raised(client: TestClient) -> None:
    """The one with the most entries."""
    client.get("/reused/session")
    for _ in range(5):
        client.get("/reused/users/42")
    cause = client.get("/lab/cause").json()
    assert (cause["error"], cause["type"]) == ("user_not_found", "ApiError")
    (site,) = cause["raise_sites"]
    assert (site["file"], site["function"], site["raises"]) == ("service/lookups.py", "find_user_reused", 5)


def test_its_chain_is_that_of_the_newest_raise(client: TestClient) -> None:
    """From the middleware to the function that raises, which holds the request's data in a local."""
    client.get("/reused/users/42")
    chain = client.get("/lab/cause").json()["chain"]
    assert chain[0]["function"] == "__call__"
    assert (chain[-1]["function"], chain[-1]["file"]) == ("find_user_reused", "service/lookups.py")
    assert "context" in chain[-1]["local_names"]


def test_its_chain_ends(client: TestClient) -> None:
    """However long the traceback is."""
    for _ in range(50):
        client.get("/reused/users/42")
    cause = client.get("/lab/cause").json()
    assert cause["entries"] > 10 * ENTRIES
    assert len(cause["chain"]) == ENTRIES


def test_to_look_retains_nothing(client: TestClient) -> None:
    """No values of locals are read, which would keep a dict in each frame."""
    client.get("/reused/users/42")
    before = client.get("/lab/cause").json()["estimated_bytes"]
    for _ in range(20):
        after = client.get("/lab/cause").json()["estimated_bytes"]
    assert after == before
