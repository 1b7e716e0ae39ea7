from starlette.testclient import TestClient

from service.framework import user_not_found


def test_the_frameworks_own_handler_answers_the_reused_error(client: TestClient) -> None:
    """As a problem, like all others."""
    response = client.get("/framework/users/42?context_kb=0")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_with_the_locked_starlette_nothing_is_kept(client: TestClient) -> None:
    """Since 1.10.0 a handled exception loses its traceback; that is why this twin is not the headline."""
    client.get("/framework/users/42?context_kb=0")
    assert user_not_found.__traceback__ is None
