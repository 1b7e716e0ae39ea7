"""Find a service's error paths: send requests that should be refused, and group what was answered with 400 or more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from sadpath.check.driver import Answer, Request
from sadpath.check.find import ErrorPath, Plan
from sadpath.check.find.candidates import WRONG_METHOD, Candidate, Candidates
from sadpath.check.find.careful import FIRST_ERROR, Careful
from sadpath.check.find.refusable import REFUSALS, Barrier, Refusable
from sadpath.check.find.safe import SAFE_METHODS
from sadpath.check.settings import Settings
from sadpath.errors import CommandError

NOT_ALLOWED, UNPROCESSABLE, TOO_MANY = 405, 422, 429
SILENT_OPERATIONS = 3
"""Operations in a row without an answer to any request, after which the service counts as gone."""


class Finder:
    """Finds the error paths of a service, and notes what there is to say about the search.

    Requests that were named are the only ones, unless a schema is named as well. Else they are made from the OpenAPI
    description or, where there is none, from the `routes` that the probe has read in the running app. Without
    `settings.writes`, a method that may change data is only sent where something keeps the request from its operation,
    and with `safe_only` not at all. `say` is told what takes time. `agree` is told what `settings.writes` is about to
    do, before that, and raises what ends it.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that a search depends on
        self,
        sender: Careful,
        settings: Settings,
        routes: Sequence[tuple[str, str]] = (),
        say: Callable[[str], object] = lambda _: None,
        agree: Callable[[str], object] = lambda _: None,
        *,
        safe_only: bool = False,
    ) -> None:
        self._settings = replace(settings, writes=settings.writes and not safe_only)
        self._candidates = Candidates(sender.url, self._settings, routes)
        self._sender, self._say, self._agree, self._safe_only = sender, say, agree, safe_only
        self._notes = self._candidates.notes

    def find(self) -> Plan:
        """Return the error paths. Raises `CommandError` where the service does not answer any more."""
        chosen = self._candidates.chosen()
        if self._safe_only:
            chosen = [one for one in chosen if one.method in SAFE_METHODS]
        if may_write := _how_often(one for one in chosen if _is_write(one)):
            self._agree(f"--writes: {may_write} at {self._sender.url} are tried again and again, and may change data")
        self._say(f"looking for error paths with {len(chosen):,} requests")
        answered = self._sent([one for one in chosen if not isinstance(one.request, Refusable)])
        answered += self._sent(self._candidates.made())
        if not _accepts_any_method(answered):
            answered += self._sent(_behind(Barrier.BODY, chosen))
        guards = _guards(answered, self._settings.headers)
        behind = _behind(Barrier.CREDENTIALS, chosen)
        answered += self._sent([one for one in behind if one.demands_credentials in guards])
        paths = self._confirmed(self._grouped(answered))
        self._describe(answered, paths)
        return Plan(tuple(paths), tuple(self._notes), tuple(dict.fromkeys(_accepted(answered))))

    def _sent(self, candidates: Iterable[Candidate]) -> list[tuple[Candidate, Answer]]:
        """Send all, operation by operation, so that one which hangs costs few of them.

        Once an operation has accepted what has to be refused, no other is trusted to refuse it. Raises `CommandError`
        where nothing answers any more: the service may have been ended by a request.
        """
        answered: list[tuple[Candidate, Answer]] = []
        silent = 0
        for _, group in groupby(candidates, key=lambda one: (one.method, one.template)):
            if self._sender.accepted:
                break
            batch = list(group)
            answers = self._sender.answers([one.request for one in batch])
            silent = 0 if any(one.status for one in answers) else silent + 1
            answered += zip(batch, answers, strict=True)
            if silent == SILENT_OPERATIONS:
                raise _gone(answered)
        return answered

    def _grouped(self, answered: Sequence[tuple[Candidate, Answer]]) -> list[ErrorPath]:
        """Return an error path for each operation and status; wrong methods are one, and so are unknown paths."""
        groups: dict[tuple[str, str, int], Request] = {}
        for one, answer in answered:
            if _is_error(one, answer):
                key = (one.method, one.template, answer.status)
                if answer.status == NOT_ALLOWED and not one.asked_for:
                    key = next((other for other in groups if other[2] == NOT_ALLOWED), key)
                groups.setdefault(key, one.request)
        return [
            ErrorPath(method, template, status, request)
            for (method, template, status), request in sorted(groups.items(), key=_in_order)
        ]

    def _again(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each again, those that have to be refused one by one, and none of them once one is accepted now."""
        accepted = len(self._sender.accepted)
        answers = dict.fromkeys(range(len(requests)), Answer(0, 0.0, "not sent, since another operation accepted one"))
        plain = [number for number, one in enumerate(requests) if not isinstance(one, Refusable)]
        answers |= zip(plain, self._sender.answers([requests[number] for number in plain]), strict=True)
        for number, one in enumerate(requests):
            if isinstance(one, Refusable) and len(self._sender.accepted) == accepted:
                (answers[number],) = self._sender.answers([one])
        return list(answers.values())

    def _confirmed(self, paths: Sequence[ErrorPath]) -> list[ErrorPath]:
        """Send each path's request again, and keep those that are answered as before."""
        again = self._again([path.request for path in paths])
        kept = []
        for path, answer in zip(paths, again, strict=True):
            if answer.status == path.status:
                kept.append(path)
            else:
                then = f"answered with {answer.status}" if answer.status else f"not answered ({answer.failure})"
                self._notes.append(f"{path.name}: the same request was then {then}")
        return [path for path in kept if not self._sender.why_over(path.request)]

    def _describe(self, answered: Sequence[tuple[Candidate, Answer]], paths: Sequence[ErrorPath]) -> None:
        """Note what there is to say about the search."""
        limited = sum(answer.status == TOO_MANY for _, answer in answered)
        if limited > len(answered) / 4:
            self._notes.append(
                f"the service limits the rate: {limited} of {len(answered)} requests were answered with 429"
            )
        if untried := len(self._candidates.writing - {(one.method, one.template) for one, _ in answered}):
            self._notes.append(_untried(untried, safe_only=self._safe_only))
        failed = [
            answer.failure for one, answer in answered if answer.failure and not self._sender.why_over(one.request)
        ]
        if failed:
            self._notes.append(f"{len(failed)} of {len(answered)} requests were not answered: {failed[0]}")
        if not paths and not self._settings.requests:
            self._notes.append("no request was answered with an error; name one with --request 'GET /users/999'")


def _untried(count: int, *, safe_only: bool) -> str:
    operations = "operation that may change data was" if count == 1 else "operations that may change data were"
    why = "only safe methods are sent here, so a check may find more" if safe_only else "--writes tries them too"
    return f"{count:,} {operations} not tried; {why}"


def _behind(barrier: Barrier, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in candidates if isinstance(one.request, Refusable) and one.request.barrier is barrier]


def _guards(answered: Sequence[tuple[Candidate, Answer]], headers: Mapping[str, str]) -> set[frozenset[str]]:
    """Return the schemes that the service demands as its description does: it refused whatever it was sent without.

    Many a service is run without, for a test: nothing then keeps a request from its operation. Wrong credentials tell
    nothing of none, and an error such as 404 may come from the operation itself.
    """
    refused: set[frozenset[str]] = set()
    reached: set[frozenset[str]] = set()
    for one, answer in answered:
        if not answer.status or not _lacks_credentials(one, headers):
            continue
        if answer.status in REFUSALS[Barrier.CREDENTIALS]:
            refused.add(one.demands_credentials)
        elif not (isinstance(one.request, Refusable) and one.request.is_refused_by(answer.status)):
            reached.add(one.demands_credentials)
    return refused - reached


def _lacks_credentials(one: Candidate, headers: Mapping[str, str]) -> bool:
    """Whether a request was sent without any, of the user's `headers` or of ours, to an operation that demands some."""
    sent = one.request.headers
    has_some = "Authorization" in sent or bool(headers and headers.items() <= sent.items())
    return bool(one.demands_credentials) and one.method != WRONG_METHOD and not has_some


def _accepts_any_method(answered: Sequence[tuple[Candidate, Answer]]) -> bool:
    """Whether a service answers a method that its path does not know as if it did: it may not look at a body either."""
    return any(
        one.method == WRONG_METHOD and not one.asked_for and 0 < answer.status < FIRST_ERROR for one, answer in answered
    )


def _is_error(one: Candidate, answer: Answer) -> bool:
    """Whether an answer makes an error path, and its request may be repeated."""
    if one.asked_for:
        return answer.status > 0
    if isinstance(one.request, Refusable):
        return one.request.is_refused_by(answer.status)
    return answer.status >= FIRST_ERROR and answer.status != TOO_MANY


def _is_write(one: Candidate) -> bool:
    """Whether a request may change data, which was not asked for by its name."""
    return one.method not in SAFE_METHODS and not one.asked_for and not isinstance(one.request, Refusable)


def _accepted(answered: Sequence[tuple[Candidate, Answer]]) -> Iterator[str]:
    """Yield the names of operations that accepted what may have changed data, unless that was asked for."""
    for one, answer in answered:
        if one.method not in SAFE_METHODS and not one.asked_for and 0 < answer.status < FIRST_ERROR:
            yield f"{one.method} {one.template} {answer.status}"


def _how_often(candidates: Iterable[Candidate]) -> str:
    """Return of how many operations of each method these are: `2 DELETE and 14 POST operations`."""
    counts = Counter(method for method, _ in {(one.method, one.template) for one in candidates})
    *others, last = [f"{count:,} {method}" for method, count in sorted(counts.items())] or [""]
    operations = "operation" if counts.total() == 1 else "operations"
    return f"{' and '.join(filter(None, [', '.join(others), last]))} {operations}" if counts else ""


def _gone(answered: Sequence[tuple[Candidate, Answer]]) -> CommandError:
    last = next((one for one, answer in reversed(answered) if answer.status), None)
    failure = next(answer.failure for _, answer in answered if not answer.status)
    after = f" after {last.method} {last.template}; leave that out with --exclude '{last.template}'" if last else ""
    return CommandError(f"the service does not answer any more ({failure}){after}")


def _in_order(group: tuple[tuple[str, str, int], Request]) -> tuple[bool, str, str, int]:
    """By path; what the framework refuses for any path alike comes last, so that a budget goes to the service's own."""
    (method, template, status), _ = group
    return status in (NOT_ALLOWED, UNPROCESSABLE), template, method, status
