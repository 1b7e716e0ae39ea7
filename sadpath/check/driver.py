"""Send exact numbers of requests to a service, all answered before the call returns.

Python's own `http.client`, a connection for each thread. A request here has to be the same each time, and sent as it
is: no redirect is followed, no cookie kept, no proxy used, and no path normalised.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from sadpath.connection import MOST_OF_A_BODY, Connection, Ends, TooMuch, body
from sadpath.hosts import check_host

IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
"""Methods whose request may be sent again, by RFC 9110, where it is unknown whether it arrived."""

UNANSWERED_IN_A_ROW = 3
NOT_SENT = "not sent, since those before were not answered"


@dataclass(frozen=True)
class Request:
    """A request as it is sent: `path` with its query, `headers` beside those of every request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What came back for one request. `status` is 0 where nothing did, and `failure` the reason in one line."""

    status: int
    seconds: float
    failure: str = ""


@dataclass(frozen=True)
class Sent:
    """What came back for a round. `statuses` counts the answers, `failures` the reasons where none came.

    `seconds` are the response times in the order of the answers.
    """

    statuses: Mapping[int, int]
    failures: Mapping[str, int]
    seconds: tuple[float, ...]

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())


class Driver:
    """Sends requests to the service at `url` over a fixed number of connections, which are kept alive.

    An answer that does not come within `timeout_s` is a failure; of a body the first MiB is read.

    Raises `CommandError` for a host that is neither this machine nor on a private network, unless `i_own_this_host`.
    """

    def __init__(
        self, url: str, *, connections: int = 1, timeout_s: float = 10.0, i_own_this_host: bool = False
    ) -> None:
        check_host(url, i_own_this_host=i_own_this_host)
        self.url, self.connections = url, connections
        self._clients = [Client(url, timeout_s) for _ in range(connections)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send `count` requests, taking these in turn, and return once all are answered or have failed.

        A connection on which several in a row were not answered sends no more: a service that hangs would make us wait
        for each.
        """
        turns = _Turns(count)
        answers: list[Answer] = []

        def work(client: Client) -> None:
            unanswered = 0
            for turn in turns:
                answers.append(answer := client.send(requests[turn % len(requests)], may_repeat=True))
                unanswered = unanswered + 1 if answer.failure else 0
                if unanswered == UNANSWERED_IN_A_ROW:
                    return

        others = [threading.Thread(target=work, args=[client], daemon=True) for client in self._clients[1:]]
        for other in others:
            other.start()
        work(self._clients[0])
        for other in others:
            other.join()
        return Sent(
            Counter(answer.status for answer in answers if not answer.failure),
            Counter(answer.failure for answer in answers if answer.failure),
            tuple(answer.seconds for answer in answers),
        )

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, over the first connection, and return the answers in order.

        After several in a row that were not answered the others are not sent, and have a failure that says so.
        """
        answers: list[Answer] = []
        for request in requests:
            newest = answers[-UNANSWERED_IN_A_ROW:]
            is_silent = len(newest) == UNANSWERED_IN_A_ROW and not any(one.status for one in newest)
            may_repeat = request.method in IDEMPOTENT
            answers.append(
                Answer(0, 0.0, NOT_SENT) if is_silent else self._clients[0].send(request, may_repeat=may_repeat)
            )
        return answers

    def newly_opened(self) -> list[Ends]:
        """Return the connections that were opened since this was asked; of many in a row the first and the last."""
        opened = [ends for client in self._clients for ends in client.opened]
        for client in self._clients:
            client.opened = []
        return opened

    def close(self) -> None:
        """Close the connections, each of which may keep its last request alive in the service."""
        for client in self._clients:
            client.close()


class _Turns:
    """The numbers from 0 on, each for one thread."""

    def __init__(self, count: int) -> None:
        self._numbers, self._lock = iter(range(count)), threading.Lock()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        with self._lock:
            return next(self._numbers)


class Client:
    """One connection to the service at `url`. The first request opens it, and so does one after a failure.

    `opened` are the ends of the first and of the last connection that were opened since it was emptied.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._prefix, self._timeout_s = url, urlsplit(url).path.rstrip("/"), timeout_s
        self._http: Connection | None = None
        self.opened: list[Ends] = []

    def send(self, request: Request, *, may_repeat: bool) -> Answer:
        """Send one request and read its answer. Whatever goes wrong is the answer's `failure`.

        A service may close a connection just when the next request is on its way, as many do after an error that
        nothing has handled. Where it `may_repeat`, the request then goes over another connection.
        """
        began = time.perf_counter()
        until = time.monotonic() + self._timeout_s
        status, failure, is_open = 0, "", self._http is not None
        try:
            try:
                status, failure = self._exchange(request, until)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                if not (is_open and may_repeat):
                    raise
                self.close()
                status, failure = self._exchange(request, until)
        except TimeoutError:
            failure = f"no answer within {self._timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - of the socket, the parser, or the request itself
            failure = _in_words(error)
        if failure:
            self.close()
        return Answer(status, time.perf_counter() - began, failure)

    def close(self) -> None:
        """Close the connection."""
        if self._http:
            self._http.close()
            self._http = None

    def _exchange(self, request: Request, until: float) -> tuple[int, str]:
        """Return the status, and why the answer is not complete, if it is not."""
        if self._http and self._http.is_spent():
            self.close()
        is_new = self._http is None
        http = self._http = self._http or Connection(self._url, until=until)
        http.until = until
        headers = dict(request.headers)
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers = {"Content-Length": str(len(request.body)), **headers}
        response = http.ask(request.method, self._prefix + request.path, headers, request.body)
        if is_new and http.ends:
            self.opened = [*self.opened[:1], http.ends]
        try:
            for _ in body(response, MOST_OF_A_BODY):
                pass
        except TooMuch:
            self.close()
        except TimeoutError:
            return response.status, f"the answer did not end within {self._timeout_s:g} s"
        if response.will_close or response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self.close()
        return response.status, ""


class NoPageError(OSError):
    """An address that was answered, but with another status than 200; `location` is where it then leads to."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(f"it was answered with {status}")
        self.status, self.location = status, location


def fetch(url: str, headers: Mapping[str, str], *, most_bytes: int, within_s: float) -> bytes:
    """Return what is at an address, by a `GET` with these headers that is sent once and follows no redirect.

    Raises `OSError` with the reason in one line: also for another status than 200, for more than `most_bytes`, and
    where it is not over `within_s` seconds after it began.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    until = time.monotonic() + within_s
    http = Connection(url, until=until, most_of_a_body=most_bytes)
    try:
        response = http.ask("GET", target, headers)
        if response.status == HTTPStatus.OK:
            return b"".join(body(response, most_bytes))
    except TimeoutError:
        raise OSError(f"it did not come within {within_s:g} s") from None
    except Exception as error:  # of the socket, the parser, or the request itself
        raise OSError(_in_words(error)) from error
    finally:
        http.close()
    raise NoPageError(response.status, response.getheader("Location", ""))


def _in_words(error: Exception) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    text = " ".join(str(error).split())
    return text if isinstance(error, TooMuch) else f"{type(error).__name__}: {text}"[:200]
