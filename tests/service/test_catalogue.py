"""The catalogue over HTTP: the twins, what is expected of them, and the problems for unknown ones."""

import logging

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.problems import MEDIA_TYPE
from service.settings import Settings
from service.twins import unhandled
from service.twins.registry import TWINS

FIGURES = {
    "traceback_entries_per_request",
    "bytes_per_request",
    "cyclic_objects_per_request",
    "log_bytes_added_per_request",
}


def test_it_lists_every_twin_with_what_is_expected_of_each_variant(client: TestClient) -> None:
    """Each has a slug, a title and an origin, and each variant a path, a status, an expectation and a reason."""
    listed = client.get("/twins").json()
    assert [twin["slug"] for twin in listed] == [twin.slug for twin in TWINS]
    for twin in listed:
        assert twin["title"]
        assert twin["origin"]
        assert {twin["leaky"], twin["fixed"]} <= {variant["slug"] for variant in twin["variants"]}
        for variant in twin["variants"]:
            assert variant["why"].endswith(".")
            assert set(variant["expected"]) == FIGURES
            assert all(low <= high for low, high in variant["expected"].values())


def test_the_openapi_description_names_the_status_of_each_variant(client: TestClient) -> None:
    """A tool that looks for error paths finds them."""
    paths = client.get("/openapi.json").json()["paths"]
    for twin in TWINS:
        if twin.protocol == "http":
            for variant in twin.variants:
                assert str(variant.status) in paths[f"/twins/{twin.slug}/{variant.slug}"]["get"]["responses"]


def test_one_twin_can_be_requested_by_itself(client: TestClient) -> None:
    """It is the same as in the list."""
    assert client.get("/twins/endpoint").json() in client.get("/twins").json()


@pytest.mark.parametrize("path", ["/twins/nosuch", "/twins/nosuch/reused"])
def test_an_unknown_twin_is_a_problem_that_lists_the_known_ones(client: TestClient, path: str) -> None:
    """The detail lists them for people, the member `twins` for programs."""
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)
    problem = response.json()
    assert problem["twins"] == [twin.slug for twin in TWINS]
    assert problem["detail"].startswith("unknown twin 'nosuch'; known: asgi-middleware, http-exception, ")


def test_an_unknown_variant_is_a_problem_that_lists_the_twins_variants(client: TestClient) -> None:
    """This holds for every twin, with or without its own middleware."""
    for twin in TWINS:
        response = client.get(f"/twins/{twin.slug}/nosuch")
        assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)
        slugs = [variant.slug for variant in twin.variants]
        assert response.json()["variants"] == slugs
        assert response.json()["detail"] == f"unknown variant 'nosuch' of twin '{twin.slug}'; known: {', '.join(slugs)}"


def test_a_websocket_twin_asks_a_plain_request_for_an_upgrade(client: TestClient) -> None:
    """It responds with 426 and an `Upgrade` header."""
    response = client.get("/twins/websocket/reused")
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")


def test_a_websocket_session_continues_after_its_error(client: TestClient) -> None:
    """The error becomes a reply."""
    with client.websocket_connect("/twins/websocket/reused?context_kb=0") as session:
        session.send_text("anything")
        assert session.receive_text() == "unknown command"


@pytest.mark.parametrize("context_kb", ["-1", "4097", "much"])
def test_an_invalid_context_is_refused(client: TestClient, context_kb: str) -> None:
    """The limits are those of the other routes."""
    response = client.get(f"/twins/endpoint/reused?context_kb={context_kb}")
    assert (response.status_code, response.headers["content-type"]) == (422, MEDIA_TYPE)


def test_the_server_logs_only_the_first_unhandled_error(caplog: pytest.LogCaptureFixture) -> None:
    """Records that grow with each error would soon fill the disk; errors from elsewhere are still logged."""
    server = logging.getLogger("uvicorn.error")
    errors = [unhandled.connection_lost, unhandled.ConnectionLost(), ValueError("from elsewhere")]
    with TestClient(create_app(Settings(metrics="none"))):
        for error in errors:
            server.error("Exception in ASGI application", exc_info=error)
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [errors[0], errors[2]]


def test_settling_measures_what_the_service_retains(client: TestClient) -> None:
    """It counts bytes in use, anonymous bytes, traceback entries, and what the garbage collector has freed.

    Bytes in use are exact. Pages grow by less, or not at all, where the process had free ones, as this one has.
    """
    before = client.post("/lab/settle").json()
    for _ in range(50):
        client.get("/twins/endpoint/reused?context_kb=256")
        client.get("/twins/reraise/kept")
    after = client.post("/lab/settle").json()
    assert after["traceback_entries"] - before["traceback_entries"] == 100
    assert after["bytes_in_use"] - before["bytes_in_use"] > 50 * 256 * 1024
    assert after["anonymous_bytes"] > 50 * 256 * 1024
    assert after["collected_objects"] - before["collected_objects"] > 50 * 5
