"""A small server on loopback that answers the query through the data source as Grafana does, well or not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loadtest.compose import QUERY

SUCCESS = '{"status":"success","data":{"resultType":"vector","result":[]}}'
LOST = '{"message": "Plugin not found", "messageId": "plugin.notRegistered"}'
"""Of a Grafana that has lost the data source's plugin."""


@contextmanager
def grafana_that_answers(status: int, body: str) -> Iterator[int]:
    """Give this answer to the query, and 418 to all else; yields the port."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == QUERY else 418)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()
