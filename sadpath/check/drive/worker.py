"""Send exact numbers of requests: the process behind `sadpath.check.drive.driver`, with gevent in it.

The client is geventhttpclient's, which Locust's FastHttpUser wraps. The wrapper would keep cookies between requests and
normalise their paths, and a request here has to be the same each time, and sent as it is.

Standard input has a line of JSON for each job, standard output one for its result. It ends when its input does.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.socket
from gevent.pool import Group
from geventhttpclient import HTTPClient

from sadpath.check.result import Answer

MOST_OF_A_BODY = 1 << 20
"""Bytes of an answer that are read; then its connection is dropped."""

BLOCK = 1 << 16

UNANSWERED_IN_A_ROW = 3
NOT_SENT = "not sent, since those before were not answered"


class Socket(gevent.socket.socket):  # type: ignore[misc]  # gevent has no types
    """A socket that acknowledges the beginning of an answer at once.

    A server that leaves Nagle's algorithm on, as uvicorn does with workers, and writes head and body apart, waits 40 ms
    for that. The kernel forgets the option, which only Linux has, so each request sets it again.
    """

    def sendall(self, *arguments: Any) -> None:
        """Send a request."""
        super().sendall(*arguments)
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):  # a connection that was closed meanwhile
                self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


@dataclass
class Client:
    """One connection to the service at `url`, kept alive between requests."""

    url: str
    timeout_s: float
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open nothing yet: the first request does."""
        self._prefix = urlsplit(self.url).path.rstrip("/")
        self._http = self._fresh()

    def _fresh(self) -> HTTPClient:
        parts = urlsplit(self.url)
        http = HTTPClient(
            str(parts.hostname),
            parts.port,
            headers=self.headers,
            ssl=parts.scheme == "https",
            insecure=True,
            connection_timeout=self.timeout_s,
            network_timeout=self.timeout_s,
        )
        setattr(http._connection_pool, "_create_tcp_socket", Socket)  # noqa: SLF001, B010 - it offers no other way
        return http

    def send(self, request: dict[str, Any]) -> Answer:
        """Send one request and read its answer. Whatever goes wrong is the answer's `failure`."""
        began = time.perf_counter()
        try:
            with gevent.Timeout(self.timeout_s):
                status, location, content_type, failure = self._exchange(request)
        except gevent.Timeout:
            self.close()
            status, location, content_type, failure = 0, "", "", f"no answer within {self.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - of the socket, the parser, or the request itself
            self.close()
            status, location, content_type, failure = 0, "", "", in_words(error)
        return Answer(status, time.perf_counter() - began, failure, location, content_type)

    def close(self) -> None:
        """Close the connection. The next request opens another, with a client of its own: a closed one stays closed."""
        self._http.close()
        self._http = self._fresh()

    def _exchange(self, request: dict[str, Any]) -> tuple[int, str, str, str]:
        body = base64.b64decode(request["body"])
        response = self._http.request(
            request["method"], self._prefix + request["path"], body=body, headers=request["headers"]
        )
        status, failure, left = response.status_code, "", MOST_OF_A_BODY
        location, content_type = response.get("location", ""), response.get("content-type", "")
        try:
            while left > 0 and (part := response.read(BLOCK)):
                left -= len(part)
        except gevent.Timeout:
            failure = f"the answer did not end within {self.timeout_s:g} s"
        if failure or left <= 0:
            self.close()
        return status, str(location or ""), str(content_type or ""), failure


def in_words(error: Exception) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200]


class Load:
    """The connections of a driver."""

    def __init__(self, url: str, connections: int, timeout_s: float, headers: dict[str, str]) -> None:
        self._clients = [Client(url, timeout_s, headers) for _ in range(connections)]

    def send(self, requests: Sequence[dict[str, Any]], count: int) -> list[Answer]:
        """Send `count` requests, taken in turn, and return once all are answered or have failed.

        A connection on which several in a row were not answered sends no more: a service that hangs would make us
        wait for each.
        """
        turns = iter(range(count))
        answers: list[Answer] = []

        def work(client: Client) -> None:
            unanswered = 0
            for turn in turns:
                answers.append(answer := client.send(requests[turn % len(requests)]))
                unanswered = unanswered + 1 if answer.failure else 0
                if unanswered == UNANSWERED_IN_A_ROW:
                    return

        workers = Group()
        for client in self._clients:
            workers.spawn(work, client)
        workers.join(raise_error=True)
        return answers

    def each(self, requests: Sequence[dict[str, Any]]) -> list[Answer]:
        """Send each request once, over the first connection, and return the answers in order.

        After several in a row that were not answered the others are not sent, and have a failure that says so.
        """
        answers: list[Answer] = []
        for request in requests:
            is_silent = len(answers) >= UNANSWERED_IN_A_ROW and not any(
                one.status for one in answers[-UNANSWERED_IN_A_ROW:]
            )
            answers.append(Answer(0, 0.0, NOT_SENT) if is_silent else self._clients[0].send(request))
        return answers

    def close(self) -> None:
        """Close all connections; the next request opens its own again."""
        for client in self._clients:
            client.close()


def main() -> None:
    """Do the jobs of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: our parent decides
    options = json.loads(sys.stdin.readline() or "null")
    if options is None:
        return
    load = Load(**options)
    jobs: dict[str, Callable[..., Any]] = {
        "send": lambda **job: summed(load.send(**job)),
        "each": lambda **job: [asdict(answer) for answer in load.each(**job)],
        "close": load.close,
    }
    for job in lines():
        result = jobs[job.pop("op")](**job)
        try:
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # our parent was interrupted, and waits for no result
            os._exit(0)


def lines() -> Iterator[dict[str, Any]]:
    """Yield the jobs. Nothing else runs while we wait for one."""
    for line in sys.stdin:
        yield json.loads(line)


def summed(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what came back for a round, as JSON can hold it."""
    return {
        "statuses": list(Counter(answer.status for answer in answers if not answer.failure).items()),
        "failures": dict(Counter(answer.failure for answer in answers if answer.failure)),
        "seconds": [round(answer.seconds, 6) for answer in answers],
    }


if __name__ == "__main__":
    main()
