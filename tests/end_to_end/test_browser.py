"""A page of somebody else's, in a real browser beside the lab: it can press no button and read no answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

import pytest
from playwright.sync_api import Page, expect

from loadtest.ports import free_port
from loadtest.server import Server, running, service
from sadpath.hosts import direct_opener
from tests.end_to_end.browser import chromium

pytestmark = pytest.mark.slow


class Stranger(BaseHTTPRequestHandler):
    """The other page: it has nothing in it, the test runs scripts there."""

    def do_GET(self) -> None:
        """Answer with an empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>stranger</title>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[int]:
    """The port on which the other page is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    """A page of a real browser, in which evil.example is the name of this machine, as after DNS rebinding."""
    with chromium("--host-resolver-rules=MAP evil.example 127.0.0.1") as browser:
        yield browser.new_page()


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The lab's service, whose `/lab` changes state."""
    server = service("reused", tmp_path_factory.mktemp("arm"), free_port())
    with running(server):
        yield server


@pytest.fixture(scope="module")
def locust(tmp_path_factory: pytest.TempPathFactory, arm: Server) -> Iterator[Server]:
    """Locust's web UI, as the lab starts it; no load runs."""
    words = ["-m", "locust", "-f", "loadtest/locustfile.py", "--web-port", "{port}", "--reused-host", arm.url]
    server = Server("locust", [*words, "--factory-host", arm.url], tmp_path_factory.mktemp("locust"), free_port())
    with running(server):
        yield server


def ask(url: str, method: str = "GET") -> Any:
    """What a program is answered."""
    with direct_opener().open(Request(url, method=method), timeout=120) as answer:
        return json.loads(answer.read() or b"null")


def test_the_services_documentation_works_without_a_network(browser_page: Page, arm: Server) -> None:
    """Its page lists the routes, and asks no other host for anything."""
    hosts = set()
    browser_page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    browser_page.goto(f"{arm.url}/docs")
    expect(browser_page.locator(".opblock-summary-path").first).to_be_visible()
    assert hosts - {None} == {"127.0.0.1"}


POST = """
async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return answer.type == "opaque" ? "sent" : `${answer.status} ${(await answer.text()).slice(0, 200)}`;
    } catch (error) { return String(error); }
}
"""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def retained(arm: Server) -> int:
    """The traceback entries of the arm."""
    return sum(one["traceback_entries"] for one in ask(f"{arm.url}/lab")["retained"].values())


def test_another_page_cannot_release_what_an_arm_retains(browser_page: Page, stranger: int, arm: Server) -> None:
    """With a simple request, which a browser sends without asking."""
    with pytest.raises(OSError, match="404"):
        ask(f"{arm.url}/reused/users/1")
    before = retained(arm)
    assert before > 0
    browser_page.goto(f"http://localhost:{stranger}/")
    for path in ("/lab/release", "/lab/settle"):
        browser_page.evaluate(POST, [arm.url + path, {"method": "POST", "mode": "no-cors"}])
    assert retained(arm) == before
    ask(f"{arm.url}/lab/release", "POST")
    assert retained(arm) == 0


def test_a_rebound_name_reads_and_changes_nothing(browser_page: Page, arm: Server, locust: Server) -> None:
    """The page's own name now leads to this machine, so the browser takes it for the same origin."""
    answered = browser_page.goto(f"http://evil.example:{arm.port}/docs")
    assert answered is not None
    change = {"method": "PUT", "headers": {"Content-Type": "application/json"}, "body": '{"strategy": "factory"}'}
    told = browser_page.evaluate(POST, [f"http://evil.example:{arm.port}/lab/strategy", change])
    assert told.startswith("403")
    assert ask(f"{arm.url}/lab")["strategy"] == "reused"
    browser_page.goto(f"http://evil.example:{locust.port}/")
    assert "does not answer" in browser_page.content() or "403" in browser_page.content()
    told = browser_page.evaluate(POST, [f"http://evil.example:{locust.port}/stats/requests", {}])
    assert told.startswith("403")


@pytest.mark.parametrize("path", ["/swarm", "/stop", "/sadpath", "/stats/requests"])
def test_another_page_cannot_use_locust(path: str, browser_page: Page, stranger: int, locust: Server) -> None:
    """It starts no load, and reads none of its pages."""
    browser_page.goto(f"http://localhost:{stranger}/")
    body = "user_count=3&spawn_rate=3&reused_host=http://192.0.2.1"
    method = {"method": "POST", "headers": FORM, "body": body} if path == "/swarm" else {"method": "GET"}
    url = f"{locust.url}{path}"
    assert "Failed to fetch" in browser_page.evaluate(POST, [url, method])
    browser_page.evaluate(POST, [url, {**method, "mode": "no-cors"}])
    assert ask(f"{locust.url}/stats/requests")["state"] == "ready"


def test_its_own_page_may(browser_page: Page, locust: Server) -> None:
    """What is refused above is answered there."""
    browser_page.goto(f"{locust.url}/sadpath")
    assert browser_page.evaluate(POST, [f"{locust.url}/stats/requests", {}]).startswith("200")
