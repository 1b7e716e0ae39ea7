"""The same service twice, as ASGI and as WSGI, without a framework: `/leak` raises a constant, `/fresh` does not."""

from __future__ import annotations

import os
import sys
import time


class Refused(Exception):
    """Access is refused."""


KEPT = []


class Errors:
    """Where the constant is."""

    refused = Refused("no entry")


def status_of(path):  # type: ignore[no-untyped-def]  # also on Python 3.9
    """Raise and catch what the path stands for."""
    try:
        if path == "/leak":
            raise Errors.refused
        if path == "/fresh":
            raise Refused("no entry")
    except Refused:
        return 403
    if path == "/slow":
        time.sleep(0.1)
        return 403
    if path.startswith("/keep/"):
        KEPT.append(bytearray(int(path[len("/keep/") :])))
        return 503
    return 404


async def asgi(scope, receive, send):  # type: ignore[no-untyped-def]
    """As an ASGI app."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-length", b"2"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status_of(scope["path"]), "headers": headers})
    await send({"type": "http.response.body", "body": b"no"})


def wsgi(environ, start_response):  # type: ignore[no-untyped-def]
    """As a WSGI app."""
    start_response(f"{status_of(environ['PATH_INFO'])} X", [("Content-Length", "2"), ("Content-Type", "text/plain")])
    return [b"no"]


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    print(sys.version, os.getpid(), file=sys.stderr)
    make_server("127.0.0.1", int(sys.argv[1]), wsgi).serve_forever()
