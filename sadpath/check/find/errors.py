"""Errors of one operation and status, told apart by what the answers say, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from urllib.parse import urlsplit

from sadpath.check.driver import Answer
from sadpath.check.find import ErrorPath
from sadpath.check.find.alike import Refused, Refusers
from sadpath.check.find.candidates import Candidate
from sadpath.check.find.careful import FIRST_ERROR

MOST_ERRORS_OF_A_STATUS = 5
"""Errors of one operation and status that are tried again: a text may be another in each answer."""

Answered = tuple[Candidate, Answer]
Kind = tuple[object, ...]


def kind(one: Candidate, answer: Answer) -> Kind:
    """Return what all errors of an operation and a status share; a named request is its own."""
    if one.asked_for:
        return (one.request.method, one.request.path, *one.request.headers.items(), one.request.body, one.request.name)
    return one.method, one.template, answer.status


def each_error(answered: Sequence[Answered]) -> tuple[list[Answered], list[str]]:
    """Return the first answer of each error, and the names of errors that their status has too many of to try all."""
    found: dict[Kind, dict[str, Answered]] = {}
    for one, answer in answered:
        is_split = answer.status >= FIRST_ERROR and not one.asked_for
        digest = answer.shape.digest if is_split else ""
        found.setdefault(kind(one, answer), {}).setdefault(digest, (one, answer))
    crowded = [next(iter(errors.values())) for errors in found.values() if len(errors) > MOST_ERRORS_OF_A_STATUS]
    tried = [one for errors in found.values() for one in islice(errors.values(), MOST_ERRORS_OF_A_STATUS)]
    return tried, [f"{one.method} {one.template} {answer.status}" for one, answer in crowded]


def named(found: Sequence[Answered], refusers: Refusers) -> Iterator[Refused]:
    """Yield an error path for each error, with a name of its own."""
    names: set[str] = set()
    for one, answer in found:
        path = ErrorPath(
            one.method, one.template, answer.status, one.request, answer.shape.words, is_own=refusers.is_own(answer)
        )
        labelled = (replace(path, label=label) for label in _labels(one, answer))
        path = next(other for other in labelled if other.name not in names)
        names.add(path.name)
        yield Refused(path, one, answer)


def _labels(one: Candidate, answer: Answer) -> Iterator[str]:
    """Yield what may tell an error from others of its status, the plainest first: the first of them needs nothing."""
    query = urlsplit(one.request.path).query
    yield f"({one.request.name})" if one.request.name else ""
    if one.asked_for and query:
        yield f"(?{query})"
    if answer.shape.words:
        yield f'"{answer.shape.words}"'
    yield from (f"({number})" for number in count(2))
