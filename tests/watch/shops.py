"""Services that Locust loads and watches in these tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENTRIES_PER_REQUEST = 19


@dataclass
class Trade:
    """What a shop is like: `names_errors` is whether its page names what grows, `per_scrape` how busy it is by itself.

    `bytes_per_request` are those of anonymous memory; resident memory grows by twice as much.
    """

    bytes_per_request: int = 0
    names_errors: bool = True
    per_scrape: int = 0


class Shop(ThreadingHTTPServer):
    """A service that answers 404, and whose metrics grow by so many bytes with each of its requests."""

    daemon_threads = True

    def __init__(self, trade: Trade) -> None:
        super().__init__(("127.0.0.1", 0), ShopHandler)
        self.trade = trade
        self.served = 0
        self.metrics_status = 200
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def page(self) -> str:
        """The address of its metrics."""
        return f"{self.url}/metrics"

    def count(self, requests: int) -> None:
        """Count some requests."""
        with self.counting:
            self.served += requests

    def metrics(self) -> bytes:
        """Return the page, with one error that retains something if memory grows."""
        grown = self.trade.bytes_per_request * self.served
        figures = {
            "process_resident_memory_bytes": 10**8 + 2 * grown,
            "sadpath_anonymous_memory_bytes": 10**8 + grown,
            "http_requests_total": self.served,
            'sadpath_environment_info{python="3.13.0"}': 1,
        }
        if self.trade.names_errors:
            entries = (grown > 0) * ENTRIES_PER_REQUEST * self.served
            figures['sadpath_traceback_entries{error="user_not_found"}'] = entries
        return "".join(f"{name} {value}\n" for name, value in figures.items()).encode()


class ShopHandler(BaseHTTPRequestHandler):
    """Answers with 404, or with the metrics."""

    server: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        is_metrics = self.path == "/metrics"
        self.server.count(self.server.trade.per_scrape if is_metrics else 1)
        body = self.server.metrics() if is_metrics else b""
        self.send_response(self.server.metrics_status if is_metrics else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def shop(trade: Trade) -> Iterator[Shop]:
    """Serve a shop until the block ends."""
    with Shop(trade) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
