"""Error paths that one place in a service refuses alike, before it looks at what was asked for: a few stand for all.

Only where the answers show that place: the guard of a description's scheme, the framework's parser, one and the same
handler. That two operations say the same shows nothing: each may have its own line that says it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sadpath.check.driver import Answer
from sadpath.check.find import NOT_ALLOWED, ErrorPath
from sadpath.check.find.candidates import WRONG, WRONG_METHOD, Candidate
from sadpath.check.find.refusable import REFUSALS, Barrier

MEASURED_OF_A_GROUP = 3
"""Error paths of a group that are measured, spread evenly over it."""

LOCAL = "<locals>"
"""In the name of a function that was made by another, as many as that was called: the name is not one function's."""


@dataclass(frozen=True)
class Refused:
    """An error path, with the request that found it and its answer."""

    path: ErrorPath
    candidate: Candidate
    answer: Answer


class Refusers:
    """Tells by what a request was refused. `headers` are the user's, `handlers` the names of functions by operation."""

    def __init__(self, headers: Mapping[str, str], handlers: Mapping[tuple[str, str], str]) -> None:
        self._headers, self._handlers = headers, handlers

    def refuser(self, one: Candidate, answer: Answer) -> Hashable:
        """Return what all have in common that are refused in one place; None where it may be the operation itself."""
        if one.asked_for:
            return None
        if answer.status == NOT_ALLOWED:
            return NOT_ALLOWED
        place = self._place(one, answer) if answer.shape.digest else ()
        return (*place, answer.status, answer.shape.digest) if place else None

    def _place(self, one: Candidate, answer: Answer) -> tuple[Hashable, ...]:
        if answer.status in REFUSALS[Barrier.CREDENTIALS] and self._lacks_good_credentials(one):
            return "guard", one.demands_credentials
        if answer.shape.is_of_a_parser:
            return ("parser",)
        handler = self._handlers.get((one.method, one.template), "")
        return ("handler", handler) if handler and LOCAL not in handler else ()

    def _lacks_good_credentials(self, one: Candidate) -> bool:
        is_wrong = has_wrong_credentials(one) and bool(one.demands_credentials)
        return is_wrong or lacks_credentials(one, self._headers)


def has_wrong_credentials(one: Candidate) -> bool:
    """Whether a request was sent with a token or a session of ours, that is none."""
    return any(WRONG in value for value in one.request.headers.values())


def lacks_credentials(one: Candidate, headers: Mapping[str, str]) -> bool:
    """Whether a request was sent without any, of the user's `headers` or of ours, to an operation that demands some."""
    sent = one.request.headers
    has_wrong = "Authorization" in sent or has_wrong_credentials(one)
    has_some = has_wrong or bool(headers and headers.items() <= sent.items())
    return bool(one.demands_credentials) and one.method != WRONG_METHOD and not has_some


def measured(found: Sequence[Refused], refusers: Refusers) -> Iterator[ErrorPath]:
    """Yield the paths to measure: of many that are refused in one place a few, each of which stands for its part."""
    groups: dict[Hashable, list[ErrorPath]] = {}
    for one in found:
        refuser = refusers.refuser(one.candidate, one.answer)
        groups.setdefault(one.path.name if refuser is None else refuser, []).append(one.path)
    for refuser, paths in groups.items():
        yield from _few(paths, 1 if refuser == NOT_ALLOWED else MEASURED_OF_A_GROUP)


def _few(paths: Sequence[ErrorPath], most: int) -> Iterator[ErrorPath]:
    """Yield the first path of each part, of `most` equal parts."""
    few = min(most, len(paths))
    borders = [len(paths) * part // few for part in range(few + 1)]
    for begin, end in pairwise(borders):
        yield replace(paths[begin], stands_for=tuple(one.name for one in paths[begin + 1 : end]))
