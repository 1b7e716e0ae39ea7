from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from service.app import create_app
from service.settings import Settings
from service.twins import registry
from tests.probe.raising import count_by_hand
from tests.service.conftest import release
from tests.service.in_process import in_process

CONTRACT = [
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "sadpath_anonymous_memory_bytes",
    "sadpath_memory_limit_bytes",
    "python_gc_objects_collected_total",
    "sadpath_gc_pause_seconds_bucket",
    "http_requests_total",
    "http_request_duration_seconds_bucket",
    "sadpath_traceback_entries",
    "sadpath_retained_frames",
    "sadpath_live_exceptions",
    "sadpath_errors_raised_total",
]


def scrape(client: TestClient) -> Mapping[tuple[str, str], float]:
    """Return each value by the series' name and its labels' values."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, " ".join(sample.labels.values())): sample.value for sample in samples}


def test_every_metric_of_the_contract_is_published() -> None:
    """Dashboards, alerts and the instrument rely on these names."""
    with TestClient(create_app(Settings(memory_limit_mb=4096))) as client:
        client.get("/reused/users/42")
        assert set(CONTRACT) <= {name for name, _ in scrape(client)}


def test_raised_errors_are_counted_by_error_and_strategy(fresh_client: TestClient) -> None:
    """The label is the current strategy, not the name in the path."""
    fresh_client.get("/reused/users/42")
    fresh_client.get("/factory/session")
    fresh_client.put("/lab/strategy", json={"strategy": "detached"})
    fresh_client.get("/reused/users/42")
    page = scrape(fresh_client)
    for labels in ("user_not_found reused", "invalid_token factory", "user_not_found detached"):
        assert page["sadpath_errors_raised_total", labels] == 1


def test_an_error_of_a_twin_is_counted_by_its_variant(fresh_client: TestClient) -> None:
    """The strategy of the `/reused` routes does not matter."""
    fresh_client.put("/lab/strategy", json={"strategy": "detached"})
    fresh_client.get("/twins/asgi-middleware/reused")
    fresh_client.get("/twins/asgi-middleware/copied")
    raised = {labels for name, labels in scrape(fresh_client) if name == "sadpath_errors_raised_total"}
    assert raised == {"user_not_found reused", "user_not_found copied"}


def test_a_websocket_session_is_one_request_with_status_101(fresh_client: TestClient) -> None:
    """An accepted handshake counts, a refused one does not."""
    fresh_client.get("/factory/users/42")
    for variant in ("reused", "factory", "factory"):
        with fresh_client.websocket_connect(f"/twins/websocket/{variant}") as session:
            session.send_text("go")
            session.receive_text()
    with pytest.raises(WebSocketDisconnect), fresh_client.websocket_connect("/twins/websocket/reused?context_kb=-1"):
        pass
    counted = {labels: value for (name, labels), value in scrape(fresh_client).items() if name == "http_requests_total"}
    assert counted == {
        "/factory/users/{user_id} GET 404": 1,
        "/twins/websocket/reused GET 101": 1,
        "/twins/websocket/factory GET 101": 2,
    }


def test_a_request_is_counted_by_the_status_of_its_response(fresh_client: TestClient) -> None:
    """A handled error counts as a 404, since the counter is outside the error middleware."""
    for _ in range(3):
        fresh_client.get("/reused/users/42")
    page = scrape(fresh_client)
    counted = {labels: value for (name, labels), value in page.items() if name == "http_requests_total"}
    assert counted == {"/reused/users/{user_id} GET 404": 3}


@pytest.mark.parametrize("twin", ["unhandled", "websocket", "endpoint"])
def test_counting_does_not_change_what_an_error_retains(twin: str) -> None:
    """No frame of the counter is on an exception's way: a reused one has as many entries with it as without."""
    entries = []
    for metrics in ("none", "all"):
        release()
        with in_process(create_app(Settings.model_validate({"metrics": metrics}))) as service:
            ask = service.connect if twin == "websocket" else service.get
            ask(f"/twins/{twin}/reused", times=5)
        entries.append({name: count_by_hand(error)[0] for name, error in registry.reused_errors().items()})
    assert entries[0] == entries[1]
    assert any(entries[0].values())


def test_scrapes_and_health_checks_are_not_counted(fresh_client: TestClient) -> None:
    """Bytes per request are then per request of the load."""
    fresh_client.get("/metrics")
    fresh_client.get("/healthz")
    assert not [name for name, _ in scrape(fresh_client) if name == "http_requests_total"]


def test_the_census_is_on_the_page(client: TestClient) -> None:
    """It counts the traceback entries of each reused error, by name."""
    client.get("/reused/users/42")
    page = scrape(client)
    assert page["sadpath_traceback_entries", "user_not_found"] > 5
    assert page["sadpath_traceback_entries", "invalid_token"] == 0


def test_the_page_has_no_redirect_and_the_requested_format(client: TestClient) -> None:
    """Prometheus asks for OpenMetrics, whose last line shows that the page is complete."""
    response = client.get("/metrics", headers={"Accept": "application/openmetrics-text"}, follow_redirects=False)
    assert response.status_code == 200
    assert response.text.endswith("# EOF\n")


@pytest.mark.parametrize(("metrics", "names"), [("none", set()), ("census", {"sadpath_live_exceptions"})])
def test_the_published_metrics_can_be_limited(metrics: str, names: set[str]) -> None:
    """For the benchmarks: nothing at all, or only the census and the GC pauses."""
    settings = Settings.model_validate({"metrics": metrics})
    with TestClient(create_app(settings)) as client:
        client.get("/reused/users/42")
        text = client.get("/metrics").text
        assert ("http_requests_total" in text, client.get("/metrics").status_code == 200) == (False, bool(names))
        assert all(name in text for name in names)


def test_two_apps_in_one_process_do_not_share_a_registry(client: TestClient) -> None:
    """Each counts only its own requests."""
    with TestClient(create_app(Settings())) as other:
        client.get("/factory/users/42")
        other.get("/metrics")
        assert not [name for name, _ in scrape(other) if name == "http_requests_total"]


def test_an_accept_header_that_is_not_understood_gets_a_page(client: TestClient) -> None:
    """Anybody can send one, and it is no error of the service."""
    response = client.get("/metrics", headers={"Accept": "text/plain;version=new"})
    assert response.status_code == 200
    assert "sadpath_traceback_entries" in response.text
