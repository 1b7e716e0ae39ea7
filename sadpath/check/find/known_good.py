"""Whether the user's token is still good, after each operation: one that logs out turns all others into refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from sadpath.check.driver import Request
from sadpath.check.find import PARAMETER
from sadpath.check.find.candidates import Candidate
from sadpath.check.find.careful import FIRST_ERROR, Careful
from sadpath.check.find.refusable import REFUSALS, Barrier, Refusable
from sadpath.check.find.safe import hides_a_change
from sadpath.errors import CommandError

MOST_TRIED, WITHIN_S = 20, 0.5
"""Operations among which one is looked for, and what it may take: it is sent again after each other one."""


class KnownGood:
    """One of these requests that only the user's `headers` let in, if there is one.

    Raises `CommandError` where one of those that were tried has ended the login.
    """

    def __init__(self, sender: Careful, headers: Mapping[str, str], candidates: Iterable[Candidate]) -> None:
        self._sender = sender
        self.request: Request | None = None
        tried: dict[str, Candidate] = {}
        for one in candidates if headers else ():
            if _is_plain(one, headers):
                tried.setdefault(one.template, one)
        for one in islice(tried.values(), MOST_TRIED):
            if self._is_good(one, headers):
                self.request = one.request
                return

    def see(self, operation: str) -> None:
        """Raise `CommandError` if it is refused now, after this operation."""
        if self.request and (status := self._status(self.request)) in REFUSALS[Barrier.CREDENTIALS]:
            known = self.request.path.partition("?")[0]
            raise CommandError(
                f"{operation} ended the login: GET {known} was then answered with {status}; "
                f"leave it out with --exclude '{operation}', and give a new token"
            )

    def _is_good(self, one: Candidate, headers: Mapping[str, str]) -> bool:
        others = {name: value for name, value in one.request.headers.items() if name not in headers}
        (answer,) = self._sender.answers([one.request])
        if not 0 < answer.status < FIRST_ERROR or answer.seconds > WITHIN_S:
            return False
        if self._status(replace(one.request, headers=others)) not in REFUSALS[Barrier.CREDENTIALS]:
            return False
        self.request = one.request
        self.see(f"{one.method} {one.template}")
        return True

    def _status(self, request: Request) -> int:
        return self._sender.answers([request])[0].status


def _is_plain(one: Candidate, headers: Mapping[str, str]) -> bool:
    """Whether a request is a GET of one address, with the user's headers, that may be sent as often as one likes."""
    is_users = headers.items() <= one.request.headers.items()
    is_one = one.method == "GET" == one.request.method and not PARAMETER.search(one.template)
    is_risky = one.asked_for or hides_a_change(one.request, "")
    return is_one and is_users and not is_risky and not one.request.body and not isinstance(one.request, Refusable)
