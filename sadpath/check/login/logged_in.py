"""Send requests with what the login gave, and log in again when that is no longer good."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from math import inf

from sadpath.check.driver import Answer, Request, Sent
from sadpath.check.find.careful import Sending, both
from sadpath.check.find.refusable import Refusable
from sadpath.check.find.safe import SAFE_METHODS, hides_a_change
from sadpath.check.login import Auth
from sadpath.check.login.log_in import FIRST_ERROR, Login, log_in, merged
from sadpath.connection import Ends
from sadpath.errors import CommandError

LOGS_IN_WITHIN_S = 30.0
"""A password takes a while to verify, and the first request may load an app."""

SHARE_OF_ITS_LIFE, SHORTEST_LIFE_S = 0.8, 30.0
"""After which a login is renewed that says how long it is good for; a shorter one would be renewed all the time."""

MOST_RENEWALS = 5
"""In a round. An operation may log out, whatever it is called."""

LOST = {302, 303, 401, 403}
"""How services answer who is not logged in; those of pages lead to their login."""

COMPARED = 1000
"""Bytes of a body, which tell requests apart."""

Key = tuple[str, str, bytes]


class LoggedIn:
    """Sends all requests as the driver does. One that carries what the first login gave carries that of the newest.

    `headers` are the user's, with those that the login gave. What has to be refused carries nothing.

    A service refuses much to who is logged in, too. So a witness tells whether a login is over: a safe request that is
    refused without it alone.

    Raises `CommandError` where the service refuses the login, or gives nothing to keep.
    """

    def __init__(
        self, driver: Sending, auth: Auth, headers: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.url, self.connections = driver.url, driver.connections
        self._driver, self._auth, self._users, self._clock = driver, auth, headers, clock
        self._renew_at = inf
        try:
            self._login = self._first = self._log_in()
        except OSError as error:
            raise CommandError(f"[auth]: {auth.name} was not answered ({error})") from error
        self.headers = merged(headers, self._first.headers)
        self._known: dict[Key, int] = {}
        self._witness: Request | None = None
        self._newest: Request | None = None

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, and return the answers in order. Those that the end of a login lost are sent again.

        Raises `CommandError` where the service does not let us log in again.
        """
        self._renew_where_due()
        answers = self._driver.answers(self._up_to_date(requests))
        lost = [
            number
            for number, (request, answer) in enumerate(zip(requests, answers, strict=True))
            if self._may_be_lost(request, answer.status)
        ]
        if lost and self._is_over([requests[number] for number in lost]) and self._is_renewed():
            again = self._driver.answers(self._up_to_date([requests[number] for number in lost]))
            for number, answer in zip(lost, again, strict=True):
                answers[number] = answer
        self._learn(requests, answers)
        return answers

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send this many requests, taking them in turn, and wait for all answers; those that were lost are sent again.

        Raises `CommandError` as `answers` does.
        """
        self._renew_where_due()
        sent = self._driver.send(self._up_to_date(requests), count)
        for _ in range(MOST_RENEWALS):
            lost = {status for status in sent.statuses if self._may_be_lost(requests[0], status)}
            if not (lost and self._is_over(requests[:1]) and self._is_renewed()):
                break
            kept = _without(sent, lost)
            sent = both(kept, self._driver.send(self._up_to_date(requests), sent.answered - kept.answered))
        return sent

    def newly_opened(self) -> list[Ends]:
        """Return the connections that were opened since this was asked."""
        return self._driver.newly_opened()

    def doubts(self) -> list[str]:
        """Return a note where the login seems to make no difference, once the error paths were found."""
        refused = sum(status in LOST for status in self._known.values())
        if self._witness or not refused:
            return []
        how_many = f"{refused} of {len(self._known)} requests with it were refused"
        return [f"the login by {self._auth.name} made no difference: {how_many}; see what [auth] keeps"]

    def _log_in(self) -> Login:
        login = log_in(self.url, self._auth, self._users, LOGS_IN_WITHIN_S)
        self._renew_at = self._clock() + SHARE_OF_ITS_LIFE * login.lives_s if login.lives_s >= SHORTEST_LIFE_S else inf
        return login

    def _renew_where_due(self) -> None:
        """Log in again before a login ends that says when."""
        if self._clock() >= self._renew_at:
            self._renew_at = inf  # once: a service that hangs is not asked again and again
            self._is_renewed()

    def _is_renewed(self) -> bool:
        """Log in again; returns False where nothing answers, which the next requests show, too."""
        try:
            self._login = self._log_in()
        except OSError:
            return False
        except CommandError as error:
            raise CommandError(f"cannot log in again{self._after()}: {error.message}") from error
        if self._witness and self._is_over([]):
            raise CommandError(f"logged in again{self._after()}, but {_name(self._witness)} is refused")
        return True

    def _after(self) -> str:
        return f" after {_name(self._newest)}" if self._newest else ""

    def _may_be_lost(self, request: Request, status: int) -> bool:
        return status in LOST and self._carries(request) and status != self._known.get(_key(request))

    def _is_over(self, lost: Sequence[Request]) -> bool:
        """Whether the login is; without a witness, whether one of these was answered otherwise: each tells it once."""
        if self._witness is None:
            before = [self._known.pop(_key(one), 0) for one in lost]
            return any(before)
        (answer,) = self._driver.answers(self._up_to_date([self._witness]))
        return answer.status in LOST

    def _learn(self, requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        """Remember how what carries the login is answered, and look for a witness, once in each batch."""
        reached = []
        for request, answer in zip(requests, answers, strict=True):
            if answer.status and self._carries(request):
                self._known[_key(request)] = answer.status
                if answer.status not in LOST:
                    reached.append(request)
        if reached:
            self._newest = reached[-1]
            self._try_as_witness(min(reached, key=lambda one: self._known[_key(one)]))

    def _try_as_witness(self, request: Request) -> None:
        """Take a request as the witness if it is one, and is no error where the one that is known is."""
        is_safe = request.method in SAFE_METHODS and not hides_a_change(request, "")
        has_good = self._witness and self._known[_key(self._witness)] < FIRST_ERROR
        is_better = self._known[_key(request)] < FIRST_ERROR or not self._witness
        if is_safe and is_better and not has_good:
            (answer,) = self._driver.answers([self._as_anybody(request)])
            if answer.status in LOST:
                self._witness = request

    def _carries(self, request: Request) -> bool:
        """Whether a request is to be sent with the login: it has what the first one gave."""
        return not isinstance(request, Refusable) and self._first.headers.items() <= request.headers.items()

    def _up_to_date(self, requests: Sequence[Request]) -> list[Request]:
        return [self._with_login(one) if self._carries(one) else one for one in requests]

    def _with_login(self, request: Request) -> Request:
        for_writes = {} if request.method in SAFE_METHODS else self._login.for_writes
        return replace(request, headers=merged(for_writes, request.headers, self._login.headers))

    def _as_anybody(self, request: Request) -> Request:
        """Return a request with the user's own headers in place of what the login gave."""
        given = {name.lower() for name in self._first.headers}
        others = {name: value for name, value in request.headers.items() if name.lower() not in given}
        return replace(request, headers=merged(self._users, others))


def _without(sent: Sent, lost: Collection[int]) -> Sent:
    """Return what came back for a round, but for the answers of these statuses: as many response times go, too."""
    kept = {status: count for status, count in sent.statuses.items() if status not in lost}
    return Sent(kept, sent.failures, sent.seconds[: len(sent.seconds) - sent.answered + sum(kept.values())])


def _name(request: Request) -> str:
    return f"{request.method} {request.path.partition('?')[0]}"


def _key(request: Request) -> Key:
    """Return what requests have in common that are answered alike: all but their numbers."""
    return request.method, re.sub(r"\d+", "0", request.path), re.sub(rb"\d+", b"0", request.body[:COMPARED])
