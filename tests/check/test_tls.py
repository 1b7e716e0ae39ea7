"""A service with TLS is checked as any other, whoever signed its certificate."""

from __future__ import annotations

from pathlib import Path

from loadtest.ports import free_port
from sadpath.check.driver import Driver, Request, fetch
from sadpath.errors import Status
from tests.check.answering import NOT_FOUND, serving
from tests.check.certificates import Certificate
from tests.check.conftest import check, shop

LEAK, FLAT = "GET /leaks/dictionary 402", "GET /flat/fresh 409"
REQUESTS = ("--request", "GET /leaks/dictionary", "--request", "GET /flat/fresh")


def secured(certificate: Certificate, port: int | None = None) -> list[str]:
    """The command that serves the shop with TLS."""
    return [*shop(port), "--ssl-certfile", str(certificate.file), "--ssl-keyfile", str(certificate.key)]


def test_a_service_with_tls_is_started_found_and_measured(certificate: Certificate, tmp_path: Path) -> None:
    """Nobody has to say that it has TLS."""
    found = check(tmp_path, *REQUESTS, "--", *secured(certificate))
    assert found.summary["url"].startswith("https://127.0.0.1:")
    assert found.path(LEAK)["verdict"] == "leaks"
    assert found.path(FLAT)["verdict"] == "flat"


def test_an_address_with_tls_may_be_named(certificate: Certificate, tmp_path: Path) -> None:
    """By the name that the certificate has not."""
    port = free_port()
    url = f"https://localhost:{port}"
    found = check(tmp_path, *REQUESTS, "--url", url, "--", *secured(certificate, port))
    assert found.summary["url"] == url
    assert found.path(LEAK)["verdict"] == "leaks"


def test_its_description_is_read(certificate: Certificate, tmp_path: Path) -> None:
    """Over TLS too, and not verified either."""
    port = free_port()
    schema = ("--schema", f"https://localhost:{port}/openapi.json")
    listed = check(tmp_path, "--list", *schema, "--include", "/flat/*", "--", *secured(certificate, port))
    assert listed.status == Status.OK
    assert "GET /flat/fresh 409" in listed.out


def test_requests_share_a_connection_with_tls(certificate: Certificate) -> None:
    """Session tickets that come after the handshake are no answers."""
    with serving(tls=certificate) as server, Driver(server.url) as driver:
        assert driver.send([Request("GET", "/")], 20).statuses == {404: 20}
    assert server.connections == 1


def test_extra_bytes_over_tls_are_no_answer_to_the_next_request(certificate: Certificate) -> None:
    """What is decrypted already is no more to be seen at the socket."""
    with serving(lambda _: NOT_FOUND + b"x" * 30_000, tls=certificate) as server, Driver(server.url) as driver:
        assert driver.send([Request("GET", "/")], 20).statuses == {404: 20}
    assert server.connections == 20


def test_a_page_is_fetched_over_tls(certificate: Certificate) -> None:
    """As a description is."""
    with serving(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage", tls=certificate) as server:
        assert fetch(server.url, {}, most_bytes=100, within_s=60) == b"page"


def test_a_handshake_that_never_ends_is_a_failure_in_time() -> None:
    """The service speaks no TLS, and waits for the end of a line."""
    with serving() as server, Driver(server.url.replace("http", "https"), timeout_s=0.3) as driver:
        (answer,) = driver.answers([Request("GET", "/")])
    assert answer.failure
    assert answer.seconds < 60
