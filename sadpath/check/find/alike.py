"""Error paths that one place in a service refuses alike, before it looks at what was asked for: a few stand for all.

Only where the answers show that place: the guard of a description's scheme, the framework's parser, one and the same
handler. That two operations say the same shows nothing: each may have its own line that says it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import pairwise

from sadpath.check.driver import Answer
from sadpath.check.find import NOT_ALLOWED, UNPROCESSABLE, ErrorPath
from sadpath.check.find.candidates import WRONG, WRONG_METHOD, Candidate, may_be_credentials
from sadpath.check.find.careful import FIRST_ERROR
from sadpath.check.find.refusable import REFUSALS, Barrier

MEASURED_OF_A_GROUP = 3
"""Error paths of a group that are measured, spread evenly over it."""

FIRST_FAILURE = 500
MANY, NEARLY_ALL = 10, 0.9
"""Operations behind a guard, and the share of them with one answer, which show that it lets nobody through."""

REASONS = {"", *(one.phrase for one in HTTPStatus)}
"""Words that say no more than a status."""

OF_MANY = "<locals>", "<lambda>"
"""In the name of a function that was made by another, as many as that was called, or that has none of its own."""


Guard = tuple[frozenset[str], bool, bool]
"""The schemes that an operation demands, and whether a request had wrong credentials, or none."""

Error = tuple[int, str]
"""A status, and the digest of what an answer says."""


@dataclass(frozen=True)
class Refused:
    """An error path, with the request that found it and its answer."""

    path: ErrorPath
    candidate: Candidate
    answer: Answer


class Refusers:
    """Tells by what a request was refused, from all that were `answered`.

    `headers` are the user's, `handlers` the names of the functions that answer, by method and template.
    """

    def __init__(
        self,
        answered: Sequence[tuple[Candidate, Answer]],
        headers: Mapping[str, str],
        handlers: Mapping[tuple[str, str], str],
    ) -> None:
        self._headers, self._handlers = headers, handlers
        self._says_so = any(_is_of_the_framework(answer) for _, answer in answered)
        self._of_wrong_methods = {
            answer.shape.digest
            for one, answer in answered
            if (one.method, answer.status) == (WRONG_METHOD, NOT_ALLOWED)
        }
        self._demanded = {
            (one.method, one.template): one.demands_credentials for one, _ in answered if one.demands_credentials
        }
        self._good: dict[tuple[str, str], set[Error]] = {}
        for one, answer in answered:
            if not self._lacks_good_credentials(one):
                self._good.setdefault((one.method, one.template), set()).add((answer.status, answer.shape.digest))
        self._closed = dict(self._closed_guards(answered))

    def is_own(self, answer: Answer) -> bool:
        """Whether an answer shows that the service's own code has refused what frameworks refuse by themselves."""
        return answer.status == UNPROCESSABLE and self._says_so and not _is_of_the_framework(answer)

    def refuser(self, one: Candidate, answer: Answer) -> tuple[Hashable, ...] | None:
        """Return what all have in common that are refused in one place; None where it may be the operation itself."""
        if one.asked_for:
            return None
        place = self._place(one, answer)
        return (*place, answer.status, answer.shape.digest) if place else None

    def _place(self, one: Candidate, answer: Answer) -> tuple[Hashable, ...]:
        if answer.status == NOT_ALLOWED and answer.shape.digest in self._of_wrong_methods:
            return (NOT_ALLOWED,)
        if not answer.shape.digest:  # which is known of none that is answered otherwise each time
            return ()
        if answer.status in REFUSALS[Barrier.CREDENTIALS] and self._lacks_good_credentials(one):
            return "guard", self._guard(one)[0]
        if self._closed.get(guard := self._guard(one)) == self._error(one, answer):
            return "closed", guard
        if _is_of_the_framework(answer):
            return ("framework",)
        handler = self._handlers.get((one.method, one.template), "")
        return ("handler", handler) if handler and not any(part in handler for part in OF_MANY) else ()

    def _lacks_good_credentials(self, one: Candidate) -> bool:
        demands, is_wrong, has_none = self._guard(one)
        return bool(demands) and (is_wrong or has_none)

    def _guard(self, one: Candidate) -> Guard:
        """Return what is known of a request's credentials; one that was made from a description may have any."""
        demands = self._demanded.get((one.method, one.template), one.demands_credentials)
        sent = one.request.headers.get("Authorization")
        is_wrong = has_wrong_credentials(one) or sent not in (None, self._headers.get("Authorization"))
        return demands, is_wrong, lacks_credentials(replace(one, demands_credentials=demands), self._headers)

    def _error(self, one: Candidate, answer: Answer) -> Error:
        """Return what an answer says; only a status where it may be what the operation says of itself.

        More than that says one that no good credentials get, and a refusal or a failure that has words. Others, such as
        400, are answered by who has looked at what was asked for.
        """
        error = answer.status, answer.shape.digest
        may_be_a_guards = answer.status in REFUSALS[Barrier.CREDENTIALS] or answer.status >= FIRST_FAILURE
        has_words = may_be_a_guards and answer.shape.words not in REASONS
        good = self._good.get((one.method, one.template), {error})
        is_of_a_guard = has_words or (self._lacks_good_credentials(one) and error not in good)
        return error if answer.status >= FIRST_ERROR and is_of_a_guard else (answer.status, "")

    def _closed_guards(self, answered: Sequence[tuple[Candidate, Answer]]) -> Iterator[tuple[Guard, Error]]:
        """Yield guards with the only error that nearly all operations behind them answer: none of these was reached.

        Such as a guard that needs a database.
        """
        guards: dict[Guard, dict[str, set[Error]]] = {}
        for one, answer in answered:
            if self._guard(one)[0] and answer.status:
                errors = guards.setdefault(self._guard(one), {})
                errors.setdefault(f"{one.method} {one.template}", set()).add(self._error(one, answer))
        for guard, errors in guards.items():
            alone = Counter(next(iter(one)) for one in errors.values() if len(one) == 1)
            for error, count in alone.most_common(1):
                if error[1] and len(errors) >= MANY and count >= NEARLY_ALL * len(errors):
                    yield guard, error


def _is_of_the_framework(answer: Answer) -> bool:
    return answer.shape.is_of_a_parser or answer.shape.is_of_a_schema


def has_wrong_credentials(one: Candidate) -> bool:
    """Whether a request was sent with a token or a session of ours, that is none."""
    return any(WRONG in value for value in one.request.headers.values())


def lacks_credentials(one: Candidate, headers: Mapping[str, str]) -> bool:
    """Whether a request was sent without any, of the user's `headers` or of ours, to an operation that demands some.

    Such a header as `Accept` is none: who has no other has sent nothing that could let somebody in.
    """
    sent = one.request.headers
    has_wrong = "Authorization" in sent or has_wrong_credentials(one)
    users = {name: value for name, value in headers.items() if may_be_credentials(name)}
    has_some = has_wrong or bool(users and users.items() <= sent.items())
    return bool(one.demands_credentials) and one.method != WRONG_METHOD and not has_some


def measured(found: Sequence[Refused], refusers: Refusers) -> Iterator[ErrorPath]:
    """Yield the paths to measure: of many that are refused in one place a few, each of which stands for its part."""
    groups: dict[tuple[Hashable, ...], list[ErrorPath]] = {}
    for one in found:
        refuser = refusers.refuser(one.candidate, one.answer)
        groups.setdefault((one.path.name,) if refuser is None else refuser, []).append(one.path)
    for refuser, paths in groups.items():
        yield from _few(paths, 1 if refuser[0] == NOT_ALLOWED else MEASURED_OF_A_GROUP)


def _few(paths: Sequence[ErrorPath], most: int) -> Iterator[ErrorPath]:
    """Yield the first path of each part, of `most` equal parts."""
    few = min(most, len(paths))
    borders = [len(paths) * part // few for part in range(few + 1)]
    for begin, end in pairwise(borders):
        yield replace(paths[begin], stands_for=tuple(one.name for one in paths[begin + 1 : end]))
