"""An app without a server: does what uvicorn does with one request, and leaves no garbage of its own."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastapi import FastAPI

Message = dict[str, Any]

FROM_CLIENT: dict[str, list[Message]] = {
    "http": [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}],
    "websocket": [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "anything"},
        {"type": "websocket.disconnect"},
    ],
}
"""The messages of a client that sends one thing and then disconnects."""


class InProcess:
    """A running app that gets one request after the other, each in a task of its own."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner

    def get(self, path: str, *, times: int = 1) -> list[int]:
        """Request `path` this many times, and return the statuses: 500 where nothing handled the error."""
        return self._runner.run(self._requests("http", path, times))

    def post(self, path: str) -> list[int]:
        """Post an empty body to `path`, and return the status."""
        return self._runner.run(self._requests("http", path, 1, "POST"))

    def connect(self, path: str, *, times: int = 1) -> list[int]:
        """Open this many sessions, each with one message, and return the statuses: 101 for an accepted one."""
        return self._runner.run(self._requests("websocket", path, times))

    async def _requests(self, kind: str, path: str, times: int, method: str = "GET") -> list[int]:
        return [await asyncio.create_task(self._request(kind, path, method)) for _ in range(times)]

    async def _request(self, kind: str, path: str, method: str) -> int:
        route, _, query = path.partition("?")
        scope = {"type": kind, "method": method, "path": route, "query_string": query.encode(), "headers": []}
        sent = await _sent(self._app, {**scope, "root_path": "", "subprotocols": [], "http_version": "1.1"})
        if any(message["type"] == "websocket.accept" for message in sent):
            return 101
        return next((message["status"] for message in sent if "status" in message), 500)


@contextmanager
def in_process(app: FastAPI) -> Iterator[InProcess]:
    """Run `app`, its lifespan included."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield InProcess(app, runner)
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


async def _sent(app: FastAPI, scope: Message) -> list[Message]:
    """Return the messages that the app sends to such a client."""
    received: deque[Message] = deque(FROM_CLIENT[scope["type"]])
    sent: list[Message] = []

    async def receive() -> Message:
        return received.popleft()

    async def send(message: Any) -> None:
        sent.append(message)

    with suppress(Exception):  # a server would log it; `sent` shows whether there was a response
        await app(scope, receive, send)
    return sent
