"""What `make up` reports of a Grafana that cannot query Prometheus. A real server on loopback stands in for Grafana."""

import json
import socket
import threading
from pathlib import Path

import pytest
import yaml

from loadtest.compose import QUERY, why_no_query
from tests.loadtest.grafana_answers import LOST, SUCCESS, grafana_that_answers

ROOT = Path(__file__).parents[2]
PLUGIN = "its Prometheus plugin is not loaded: type make down, then make up; docker compose logs grafana shows why"
GRAFANA = "type docker compose logs grafana"
PROMETHEUS = "type docker compose logs prometheus"


def test_a_query_that_finds_nothing_yet_is_a_success() -> None:
    """Prometheus is ready before its first scrape."""
    with grafana_that_answers(200, SUCCESS) as port:
        assert why_no_query(port) is None


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy does not reach our loopback."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with grafana_that_answers(200, SUCCESS) as port:
        assert why_no_query(port) is None


@pytest.mark.parametrize(
    ("status", "body", "said", "what_to_type"),
    [
        (404, LOST, "404 Not Found, Plugin not found (plugin.notRegistered)", PLUGIN),
        (
            404,
            '{"message": "Unable to find datasource plugin"}',
            "404 Not Found, Unable to find datasource plugin",
            PLUGIN,
        ),
        (404, '{"message": "Unable to find datasource"}', "404 Not Found, Unable to find datasource", GRAFANA),
        (401, '{"message": "Unauthorized"}', "401 Unauthorized, Unauthorized", GRAFANA),
        (502, '{"message": "dial tcp:\\n no such host"}', "502 Bad Gateway, dial tcp: no such host", PROMETHEUS),
        (502, "", "502 Bad Gateway, which is not an answer of Prometheus", PROMETHEUS),
        (503, '{"status": "error", "error": "timed out"}', "503 Service Unavailable, timed out", PROMETHEUS),
        (200, '{"status": "error", "error": "no memory"}', "200 OK, no memory", GRAFANA),
        (200, "<!doctype html><title>Sign in</title>", "200 OK, which is not an answer of Prometheus", GRAFANA),
        (500, SUCCESS, "500 Internal Server Error, which is not an answer of Prometheus", GRAFANA),
        (200, '["success"]', "200 OK, which is not an answer of Prometheus", GRAFANA),
    ],
)
def test_any_other_answer_is_one_line(status: int, body: str, said: str, what_to_type: str) -> None:
    """What Grafana answered, its reason, and the next thing to type."""
    with grafana_that_answers(status, body) as port:
        line = why_no_query(port)
    assert line == f"Grafana is up, but cannot query Prometheus: it answered {said}; {what_to_type}"


def test_a_long_reason_is_cut() -> None:
    """The line stays one that a person reads."""
    with grafana_that_answers(500, json.dumps({"message": "long " * 1000})) as port:
        said = why_no_query(port)
    assert said
    assert len(said) < 400


def test_nobody_who_listens_is_one_line() -> None:
    """With the port, since another may be published."""
    with socket.create_server(("127.0.0.1", 0)) as freed:
        port = freed.getsockname()[1]
    assert why_no_query(port) == f"Grafana does not answer on port {port}; {GRAFANA}"


def test_a_connection_that_is_closed_at_once_is_one_line() -> None:
    """The engine's port forwarder accepts for a container that does not listen."""
    with socket.create_server(("127.0.0.1", 0)) as forwarder:
        port = forwarder.getsockname()[1]
        closer = threading.Thread(target=_close_the_next_connection, args=(forwarder,), daemon=True)
        closer.start()
        assert why_no_query(port) == f"Grafana does not answer on port {port}; {GRAFANA}"
        closer.join(timeout=300)


def test_silence_ends_after_a_while() -> None:
    """A server that accepts and never answers does not hold `make up`."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = why_no_query(silent.getsockname()[1], timeout_s=0.2)
    assert said == f"Grafana did not answer a query of Prometheus within 0.2 s; {GRAFANA}"


def test_the_health_check_asks_the_same() -> None:
    """So `docker compose up` alone knows it too; by the uid that is provisioned."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert f"http://127.0.0.1:3000{QUERY}" in services["grafana"]["healthcheck"]["test"][1]
    assert f"/uid/{source['uid']}/" in QUERY


def _close_the_next_connection(forwarder: socket.socket) -> None:
    connection, _ = forwarder.accept()
    connection.close()
