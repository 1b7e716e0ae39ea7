"""Endpoints around libraries that raise constants of their own: `python libraries.py PORT`, with what is installed."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server


def read_a_port():
    """Read a serial port that is not open."""
    import serial

    serial.Serial().read()


def use_a_number():
    """Use a key that is no text."""
    import pickledb

    pickledb.load("nowhere.db", False).set(1, "one")


CALLS = {"/port": read_a_port, "/key": use_a_number}


def app(environ, start_response):
    """Answer 503 to what the library raises."""
    status = 404
    try:
        if environ["PATH_INFO"] in CALLS:
            CALLS[environ["PATH_INFO"]]()
    except (OSError, TypeError):
        status = 503
    start_response(f"{status} X", [("Content-Length", "0")])
    return [b""]


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_):
        """Log nothing."""


make_server("127.0.0.1", int(sys.argv[1]), app, handler_class=Quiet).serve_forever()
