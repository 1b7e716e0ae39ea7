"""A websocket session as one request of the load, with its response time in Locust's statistics."""

from __future__ import annotations

import time
from collections.abc import Callable

import websocket

TIMEOUT_S = 30.0
FAILED_INSIDE = 1011
"""The code with which a server closes a session that an error ended."""


class Unexpected(Exception):  # noqa: N818 - what Locust lists as a failure
    """The session did not go as it must; the message says how."""


def hold(record: Callable[..., None], url: str, name: str, status: int) -> None:
    """Hold one session at `url`, and `record` it as a request of this name, as Locust's event `request` does.

    `status` is what its handshake must get.
    """
    began = time.perf_counter()
    received, failure = 0, None
    try:
        received = _hold(url.replace("http", "ws", 1), status)
    except (Unexpected, OSError, websocket.WebSocketException) as error:
        failure = error
    record(
        request_type="WS",
        name=name,
        response_time=(time.perf_counter() - began) * 1000,
        response_length=received,
        exception=failure,
        context={},
        url=url,
    )


def _hold(url: str, status: int) -> int:
    """Connect, send one text, and receive until the session is closed; return how many bytes came."""
    received = 0
    session = _connect(url, status)
    try:
        session.send("go")
        while (answer := session.recv_data())[0] != websocket.ABNF.OPCODE_CLOSE:
            received += len(answer[1])
    finally:
        session.shutdown()  # close() would leave the socket open, once the server has closed the session
    if int.from_bytes(answer[1][:2], "big") == FAILED_INSIDE:
        raise Unexpected("the session failed inside the service")
    return received


def _connect(url: str, status: int) -> websocket.WebSocket:
    try:
        session = websocket.create_connection(url, TIMEOUT_S, http_no_proxy=["*"])
        answered = session.getstatus()
    except websocket.WebSocketBadStatusException as refusal:
        answered = refusal.status_code
    if answered != status:
        raise Unexpected(f"expected {status}, got {answered}")
    return session
