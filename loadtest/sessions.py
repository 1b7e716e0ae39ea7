"""A websocket session as one request: connect, send one text, and receive until the service ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import websocket

TIMEOUT_S = 30.0
FAILED_INSIDE = 1011
"""The code with which a server closes a session that an error ended."""


class Unexpected(Exception):  # noqa: N818 - what Locust lists as a failure
    """The session did not go as expected; the message has the reason."""


class WebsocketSession(NamedTuple):
    """A session that was held: the status of its handshake, the bytes that came, the code with which it was closed."""

    status: int
    received: int = 0
    code: int = 0

    def check(self, status: int) -> None:
        """Raise `Unexpected` unless its handshake got this status, and no error of the service ended it."""
        if self.status != status:
            raise Unexpected(f"expected {status}, got {self.status}")
        if self.code == FAILED_INSIDE:
            raise Unexpected("the session failed inside the service")


def record(fire: Callable[..., None], url: str, name: str, status: int) -> None:
    """Hold one session at `url`, and `fire` Locust's event `request` for it under this name.

    `status` is the expected one of its handshake.
    """
    began = time.perf_counter()
    request: dict[str, Any] = {"request_type": "WS", "name": name, "response_length": 0, "context": {}, "url": url}
    try:
        session = hold(url)
        request["response_length"] = session.received
        session.check(status)
    except (Unexpected, OSError, websocket.WebSocketException) as error:
        # Fired here: a variable that outlives this block would retain its own frame, through the error's traceback.
        fire(**request, response_time=_milliseconds_since(began), exception=error)
    else:
        fire(**request, response_time=_milliseconds_since(began), exception=None)


def _milliseconds_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def hold(url: str) -> WebsocketSession:
    """Connect to an `http://` address, send one text, and receive until the session is closed.

    Raises `OSError` or `WebSocketException` where it does not end.
    """
    try:
        client = websocket.create_connection(url.replace("http", "ws", 1), TIMEOUT_S, http_no_proxy=["*"])
    except websocket.WebSocketBadStatusException as refusal:
        return WebsocketSession(refusal.status_code)
    received = 0
    try:
        client.send("go")
        while (answer := client.recv_data())[0] != websocket.ABNF.OPCODE_CLOSE:
            received += len(answer[1])
    finally:
        client.shutdown()  # close() would leave the socket open, once the server has closed the session
    return WebsocketSession(HTTPStatus.SWITCHING_PROTOCOLS, received, int.from_bytes(answer[1][:2], "big"))
