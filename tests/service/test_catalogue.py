"""The catalogue over HTTP: what there is, what is expected of it, and what is said to who asks for something else."""

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
    """A slug, a title, an origin, and for each variant its path, its status, the expectation and why."""
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
    """So that a tool which looks for error paths finds them."""
    paths = client.get("/openapi.json").json()["paths"]
    for twin in TWINS:
        if twin.protocol == "http":
            for variant in twin.variants:
                assert str(variant.status) in paths[f"/twins/{twin.slug}/{variant.slug}"]["get"]["responses"]


def test_one_twin_is_shown_alone(client: TestClient) -> None:
    """As it is in the list."""
    assert client.get("/twins/endpoint").json() in client.get("/twins").json()


@pytest.mark.parametrize("path", ["/twins/nosuch", "/twins/nosuch/reused"])
def test_an_unknown_twin_is_a_problem_that_lists_the_right_ones(client: TestClient, path: str) -> None:
    """For people in the detail, for programs as a member."""
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)
    problem = response.json()
    assert problem["twins"] == [twin.slug for twin in TWINS]
    assert problem["detail"].startswith("There is no twin 'nosuch'; there are asgi-middleware, http-exception, ")


def test_an_unknown_variant_is_a_problem_that_lists_those_of_the_twin(client: TestClient) -> None:
    """Also where the twin has a middleware of its own."""
    for twin in TWINS:
        response = client.get(f"/twins/{twin.slug}/nosuch")
        assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)
        assert response.json()["variants"] == [variant.slug for variant in twin.variants]


def test_a_websocket_twin_tells_a_plain_request_what_it_is(client: TestClient) -> None:
    """An upgrade is required."""
    response = client.get("/twins/websocket/reused")
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")


def test_a_websocket_session_goes_on_after_its_error(client: TestClient) -> None:
    """The error becomes an answer."""
    with client.websocket_connect("/twins/websocket/reused?context_kb=0") as session:
        session.send_text("anything")
        assert session.receive_text() == "no such command"


@pytest.mark.parametrize("context_kb", ["-1", "4097", "much"])
def test_a_context_that_makes_no_sense_is_refused(client: TestClient, context_kb: str) -> None:
    """No variant can be made to hold more than the lab's other routes."""
    response = client.get(f"/twins/endpoint/reused?context_kb={context_kb}")
    assert (response.status_code, response.headers["content-type"]) == (422, MEDIA_TYPE)


def test_the_server_logs_the_first_unhandled_error_alone(caplog: pytest.LogCaptureFixture) -> None:
    """A log that is longer with each error would soon fill the disk; what is not this twin's is logged as ever."""
    server = logging.getLogger("uvicorn.error")
    errors = [unhandled.connection_lost, unhandled.ConnectionLost(), ValueError("of somebody else")]
    with TestClient(create_app(Settings(metrics="none"))):
        for error in errors:
            server.error("Exception in ASGI application", exc_info=error)
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [errors[0], errors[2]]


def test_what_a_settled_service_retains_is_counted(client: TestClient) -> None:
    """Bytes in use and in pages, traceback entries of all live exceptions, and what the garbage collector has freed."""
    before = client.post("/lab/settle").json()
    for _ in range(50):
        client.get("/twins/endpoint/reused?context_kb=256")
        client.get("/twins/reraise/kept")
    after = client.post("/lab/settle").json()
    assert after["traceback_entries"] - before["traceback_entries"] == 100
    for kind in ("bytes_in_use", "anonymous_bytes"):
        assert after[kind] - before[kind] > 50 * 200 * 1024
    assert after["collected_objects"] - before["collected_objects"] > 50 * 5
