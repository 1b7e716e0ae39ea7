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
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from sadpath.check.shape import UNSEEN, Shape, inputs, shape
from sadpath.connection import MOST_OF_A_BODY, Connection, Ends, TooMuch, body
from sadpath.hosts import check_host

IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
"""Methods whose request may be sent again, by RFC 9110, where it is unknown whether it arrived."""

UNANSWERED_IN_A_ROW = 3
NOT_SENT = "not sent, since those before were not answered"


@dataclass(frozen=True)
class Request:
    """A request as it is sent: `path` with its query, `headers` beside those of every request.

    `name` is what its user calls it; it is not sent.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    name: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Answer:
    """What came back for one request. `status` is 0 where nothing did, and `failure` the reason in one line.

    `shape` is empty where no answer was looked at, as in a round.
    """

    status: int
    seconds: float
    failure: str = ""
    shape: Shape = UNSEEN


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
        """Send each request once, over the first connection, and return the answers in order, with their shapes.

        After several in a row that were not answered the others are not sent, and have a failure that says so.
        """
        answers: list[Answer] = []
        for request in requests:
            newest = answers[-UNANSWERED_IN_A_ROW:]
            is_silent = len(newest) == UNANSWERED_IN_A_ROW and not any(one.status for one in newest)
            answers.append(Answer(0, 0.0, NOT_SENT) if is_silent else self._answer(request))
        return answers

    def _answer(self, request: Request) -> Answer:
        return self._clients[0].send(request, may_repeat=request.method in IDEMPOTENT, is_looked_at=True)

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

    def send(self, request: Request, *, may_repeat: bool, is_looked_at: bool = False) -> Answer:
        """Send one request and read its answer. Whatever goes wrong is the answer's `failure`.

        A service may close a connection just when the next request is on its way, as many do after an error that
        nothing has handled. Where it `may_repeat`, the request then goes over another connection; where it may not, it
        gets a connection of its own in the first place. An answer that `is_looked_at` has its shape.
        """
        began = time.perf_counter()
        if not may_repeat:
            self.close()
        try:
            answer = self._exchanged(request, is_looked_at=is_looked_at)
        except TimeoutError:
            answer = Answer(0, 0.0, f"no answer within {self._timeout_s:g} s")
        except Exception as error:  # noqa: BLE001 - of the socket, the parser, or the request itself
            answer = Answer(0, 0.0, _in_words(error))
        if answer.failure:
            self.close()
        return replace(answer, seconds=time.perf_counter() - began)

    def close(self) -> None:
        """Close the connection."""
        if self._http:
            self._http.close()
            self._http = None

    def _exchanged(self, request: Request, *, is_looked_at: bool) -> Answer:
        """Return the answer, over another connection where one that was open met its end."""
        until, was_open = time.monotonic() + self._timeout_s, self._http is not None
        try:
            return self._exchange(request, until, is_looked_at=is_looked_at)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if not was_open:
                raise
            self.close()
            return self._exchange(request, until, is_looked_at=is_looked_at)

    def _exchange(self, request: Request, until: float, *, is_looked_at: bool) -> Answer:
        """Return the answer, with why it is not complete, if it is not."""
        if self._http and self._http.is_spent():
            self.close()
        is_new = self._http is None
        http = self._http = self._http or Connection(self._url, until=until)
        http.until = until
        response = http.ask(request.method, self._prefix + request.path, _with_length(request), request.body)
        if is_new and http.ends:
            self.opened = [*self.opened[:1], http.ends]
        answer = self._read(response, request, is_looked_at=is_looked_at)
        if response.will_close or response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self.close()
        return answer

    def _read(self, response: http.client.HTTPResponse, request: Request, *, is_looked_at: bool) -> Answer:
        """Return the answer once its body has come, of which the first MiB is read."""
        content = bytearray()
        try:
            for part in body(response, MOST_OF_A_BODY):
                content += part if is_looked_at else b""
        except TooMuch:
            self.close()
        except TimeoutError:
            return Answer(response.status, 0.0, f"the answer did not end within {self._timeout_s:g} s")
        return Answer(response.status, 0.0, "", _shape(request, response, content) if is_looked_at else UNSEEN)


def _shape(request: Request, response: http.client.HTTPResponse, content: bytearray) -> Shape:
    return shape(response.headers.get("Content-Type", ""), bytes(content), inputs(request.path, request.body))


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
    with asked(url, Request("GET", "", headers), most_bytes=most_bytes, within_s=within_s) as response:
        if response.status == HTTPStatus.OK:
            return b"".join(body(response, most_bytes))
    raise NoPageError(response.status, response.getheader("Location", ""))


@contextmanager
def asked(url: str, request: Request, *, most_bytes: int, within_s: float) -> Iterator[http.client.HTTPResponse]:
    """Send a request once, to its path below `url`, and give its answer, whose body the block may read.

    Raises `OSError` with the reason in one line, as `fetch` does, also where the body is read.
    """
    parts = urlsplit(url + request.path)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = Connection(url, until=time.monotonic() + within_s, most_of_a_body=most_bytes)
    try:
        yield connection.ask(request.method, target, _with_length(request), request.body)
    except TimeoutError:
        raise OSError(f"it did not come within {within_s:.3g} s") from None
    except Exception as error:  # of the socket, the parser, or the request itself
        raise OSError(_in_words(error)) from error
    finally:
        connection.close()


def _with_length(request: Request) -> Mapping[str, str]:
    """Return the headers, with the length of a body where there is one, or usually is one."""
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        return {"Content-Length": str(len(request.body)), **request.headers}
    return request.headers


def _in_words(error: Exception) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    text = " ".join(str(error).split())
    return text if isinstance(error, TooMuch) else f"{type(error).__name__}: {text}"[:200]
