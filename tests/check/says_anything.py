"""A service whose exceptions are hostile to whoever reads of them: `python says_anything.py PORT`.

Each kind of hostile text is the message of an exception object that is raised at its path again and again, and, where a
class can be called so, the name of its class and module.
"""

import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.hostile_text import HOSTILE


def exception(text: str) -> Exception:
    """An exception that says this wherever it can."""
    try:
        named: type[Exception] = type(text[:50], (Exception,), {"__module__": text[:50]})
    except (ValueError, UnicodeError):  # a NUL, half of a surrogate pair
        return ValueError(text)
    return named(text)


ERRORS = {f"/{kind.replace(' ', '-')}": exception(text) for kind, text in HOSTILE.items()}


class Handler(BaseHTTPRequestHandler):
    """Answers with 500 where it has raised, and else with 404."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Raise what the path stands for."""
        error = ERRORS.get(self.path)
        with suppress(Exception):
            if error:
                raise error
        self.send_response(500 if error else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    sys.stderr.write("\x1b[2J::error::the last line\n")
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()
