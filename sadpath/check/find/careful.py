"""Send requests, and end the use of an operation at once where one that has to be refused is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from sadpath.check.driver import Answer, Request, Sent
from sadpath.check.find.refusable import Refusable
from sadpath.connection import Ends

FIRST_ERROR = 400


class Sending(Protocol):
    """What sends requests: `sadpath.check.driver.Driver`."""

    url: str
    connections: int

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, and return the answers in order."""
        ...

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send this many requests, taking them in turn, and wait for all answers."""
        ...

    def newly_opened(self) -> list[Ends]:
        """Return the connections that were opened since this was asked."""
        ...


class Careful:
    """Sends all requests as the driver does, but those that have to be refused one by one (on each connection).

    Those that are sent together are of one operation and behind one barrier.

    `accepted` are the names of operations that accepted one all the same, with the status: `DELETE /items/{id} 200`.
    """

    def __init__(self, driver: Sending) -> None:
        self.url, self.connections = driver.url, driver.connections
        self.accepted: list[str] = []
        self._driver = driver
        self._over: dict[tuple[str, str], str] = {}

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, and return the answers in order."""
        answers: list[Answer] = []
        for is_refusable, group in groupby(requests, key=lambda one: isinstance(one, Refusable)):
            batch = list(group)
            answers += map(self._answer, batch) if is_refusable else self._driver.answers(batch)
        return answers

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send this many requests, taking them in turn, and wait for all answers. What was not sent is a failure."""
        first = requests[0]
        if not isinstance(first, Refusable):
            return self._driver.send(requests, count)
        sent = Sent({}, {}, ())
        while not self.why_over(first) and (left := count - len(sent.seconds)):
            done = len(sent.seconds)
            batch = [requests[turn % len(requests)] for turn in range(done, done + min(left, self.connections))]
            newest = self._driver.send(batch, len(batch))
            sent = both(sent, newest)
            self._see(first, *newest.statuses, *newest.cut_short, *([0] if newest.failures else []))
        left = count - len(sent.seconds)
        return both(sent, Sent({}, {self.why_over(first): left} if left else {}, ()))

    def newly_opened(self) -> list[Ends]:
        """Return the connections that were opened since this was asked."""
        return self._driver.newly_opened()

    def _answer(self, request: Request) -> Answer:
        assert isinstance(request, Refusable)  # noqa: S101 - `answers` has asked
        if why := self.why_over(request):
            return Answer(0, 0.0, why)
        (answer,) = self._driver.answers([request])
        self._see(request, answer.status)
        return answer

    def why_over(self, request: Request) -> str:
        """Return why a request is not sent any more, in one line; nothing where it may be."""
        if not isinstance(request, Refusable):
            return ""
        name = request.operation
        return self._over.get((name, "")) or self._over.get((name, request.barrier), "")

    def _see(self, request: Refusable, *statuses: int) -> None:
        """Take note of answers that are no refusal; 0 is none, after which it is unknown what was done."""
        for status in statuses:
            if 0 < status < FIRST_ERROR:
                self._over[request.operation, ""] = f"not sent, since one was answered with {status}"
                self.accepted.append(f"{request.operation} {status}")
            elif not request.is_refused_by(status):
                answered = f"answered with {status}" if status else "not answered"
                self._over[request.operation, request.barrier] = f"not sent, since one was {answered}"


def both(one: Sent, other: Sent) -> Sent:
    """Return what came back for two rounds as for one."""
    return Sent(
        Counter(one.statuses) + Counter(other.statuses),
        Counter(one.failures) + Counter(other.failures),
        (*one.seconds, *other.seconds),
        Counter(one.cut_short) + Counter(other.cut_short),
    )
