"""Find a service's error paths: send requests that should be refused, and group what was answered with 400 or more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from sadpath.check.driver import Answer, Request
from sadpath.check.find import UNKNOWN, ErrorPath, Plan
from sadpath.check.find.alike import Refused, Refusers, has_wrong_credentials, lacks_credentials, measured
from sadpath.check.find.candidates import WRONG_METHOD, Candidate, Candidates, may_be_credentials
from sadpath.check.find.careful import FIRST_ERROR, Careful
from sadpath.check.find.errors import MOST_ERRORS_OF_A_STATUS, Answered, each_error, kind, named
from sadpath.check.find.known_good import KnownGood
from sadpath.check.find.refusable import REFUSALS, Barrier, Refusable
from sadpath.check.find.safe import SAFE_METHODS
from sadpath.check.routes import Route
from sadpath.check.settings import Settings
from sadpath.errors import CommandError

TOO_MANY = 429
SHOWN = 3
"""Error paths that a note names."""

FEW = 3
"""Answers of which nothing is said, be they refused."""

WHAT_TO_GIVE = "give a token ([headers] or [auth] in sadpath.toml)"

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
        routes: Sequence[Route] = (),
        say: Callable[[str], object] = lambda _: None,
        agree: Callable[[str], object] = lambda _: None,
        *,
        safe_only: bool = False,
    ) -> None:
        self._settings = replace(settings, writes=settings.writes and not safe_only)
        self._candidates = Candidates(sender.url, self._settings, routes)
        self._sender, self._say, self._agree, self._safe_only = sender, say, agree, safe_only
        self._notes = self._candidates.notes
        self._handlers = {(one.method, one.path): one.handler for one in routes}

    def find(self) -> Plan:
        """Return the error paths. Raises `CommandError` where the service does not answer any more."""
        chosen = self._candidates.chosen()
        if self._safe_only:
            chosen = [one for one in chosen if one.method in SAFE_METHODS and not one.is_a_question]
        if may_write := _how_often(one for one in chosen if _is_write(one)):
            self._agree(f"--writes: {may_write} at {self._sender.url} are tried again and again, and may change data")
        self._say(f"looking for error paths with {len(chosen):,} requests")
        self._known_good = KnownGood(self._sender, self._settings.headers, chosen)
        answered = self._sent([one for one in chosen if not isinstance(one.request, Refusable)])
        answered += self._sent(self._candidates.made())
        if not _accepts_any_method(answered):
            answered += self._sent(_behind(Barrier.BODY, chosen))
        guards = _guards(answered, self._settings.headers)
        behind = _behind(Barrier.CREDENTIALS, chosen)
        answered += self._sent([one for one in behind if one.demands_credentials in guards])
        self._screen(answered)
        refusers = Refusers(answered, self._settings.headers, self._handlers)
        found = self._confirmed(self._each_error(answered), refusers)
        paths = [*measured(found, refusers)]
        self._describe(answered, paths)
        return Plan(tuple(paths), tuple(self._notes), tuple(dict.fromkeys(_accepted(answered))))

    def _sent(self, candidates: Iterable[Candidate]) -> list[tuple[Candidate, Answer]]:
        """Send all, operation by operation, so that one which hangs costs few of them.

        Once an operation has accepted what has to be refused, no other is trusted to refuse it. Raises `CommandError`
        where nothing answers any more: the service may have been ended by a request.
        """
        answered: list[Answered] = []
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
            if any(_is_as_the_user(one, self._settings.headers) for one in batch):
                self._known_good.see(f"{batch[0].method} {batch[0].template}")
        return answered

    def _is_error(self, one: Candidate, answer: Answer) -> bool:
        """Whether an answer makes an error path, and its request may be repeated."""
        if one.asked_for:
            return answer.status > 0
        if one.is_a_question:
            return False
        if isinstance(one.request, Refusable) and not one.request.is_refused_by(answer.status):
            return False
        return _is_chosen(answer.status, self._settings.status)

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

    def _each_error(self, answered: Sequence[Answered]) -> list[Answered]:
        """Return the first answer of each error, and note where a status has too many of them."""
        errors = [one for one in answered if self._is_error(*one)]
        found, crowded = each_error(errors)
        if crowded:
            most, names = MOST_ERRORS_OF_A_STATUS, ", ".join(crowded[:SHOWN])
            self._notes.append(f"answered in more than {most} ways, of which {most} are tried: {names}")
        return found

    def _confirmed(self, found: Sequence[Answered], refusers: Refusers) -> list[Refused]:
        """Send the request of each error again, and return an error path for those that are answered as before."""
        again = self._again([one.request for one, _ in found])
        unsteady = {
            kind(one, answer)
            for (one, answer), then in zip(found, again, strict=True)
            if answer.status == then.status and answer.shape.digest != then.shape.digest
        }
        kept: dict[object, Refused] = {}
        for one, then in zip(named(found, refusers), again, strict=True):
            if then.status != one.answer.status:
                answered = f"answered with {then.status}" if then.status else f"not answered ({then.failure})"
                self._notes.append(f"{one.path.name}: the same request was then {answered}")
            elif not self._sender.why_over(one.path.request):
                its_kind = kind(one.candidate, one.answer)
                kept.setdefault(its_kind if its_kind in unsteady else one.path.name, one)
        return sorted(kept.values(), key=_in_order)

    def _screen(self, answered: Sequence[Answered]) -> None:
        """Say and note it if most of what was sent as the user is refused for its credentials."""
        headers = self._settings.headers
        statuses = [answer.status for one, answer in answered if answer.status and _is_as_the_user(one, headers)]
        refused = sum(status in REFUSALS[Barrier.CREDENTIALS] for status in statuses)
        if refused > max(len(statuses) / 2, FEW):
            has_some = any(map(may_be_credentials, headers))
            how = "the token is not enough for them" if has_some else WHAT_TO_GIVE
            self._say(line := f"{refused:,} of {len(statuses):,} answers are 401 or 403: {how}")
            self._notes.append(line)

    def _describe(self, answered: Sequence[Answered], paths: Sequence[ErrorPath]) -> None:
        """Note what there is to say about the search."""
        limited = sum(answer.status == TOO_MANY for _, answer in answered)
        if limited > len(answered) / 4:
            self._notes.append(
                f"the service limits the rate: {limited} of {len(answered)} requests were answered with 429"
            )
        if untried := len(self._candidates.writing - {(one.method, one.template) for one, _ in answered}):
            self._notes.append(_untried(untried, safe_only=self._safe_only))
        if refusable := len({(one.method, one.template) for one, _ in answered if isinstance(one.request, Refusable)}):
            self._notes.append(_only_forbidden(refusable))
        failed = [
            answer.failure for one, answer in answered if answer.failure and not self._sender.why_over(one.request)
        ]
        if failed:
            self._notes.append(f"{len(failed)} of {len(answered)} requests were not answered: {failed[0]}")
        if standing := [path for path in paths if path.stands_for]:
            others = sum(len(path.stands_for) for path in standing)
            titles = ", ".join(path.title for path in standing[:SHOWN])
            self._notes.append(f"{others:,} error paths are refused where others are, which stand for them: {titles}")
        if not paths and not self._settings.requests:
            self._notes.append("no request was answered with an error; name one with --request 'GET /users/999'")


def _untried(count: int, *, safe_only: bool) -> str:
    operations = "operation that may change data was" if count == 1 else "operations that may change data were"
    why = "only safe methods are sent here, so a check may find more" if safe_only else "--writes tries them too"
    return f"{count:,} {operations} not tried; {why}"


def _only_forbidden(count: int) -> str:
    operations = "operation that changes data was" if count == 1 else "operations that change data were"
    its = "its" if count == 1 else "their"
    return (
        f"{count:,} {operations} only sent what {its} description forbids; --writes sends valid input too "
        "(use a test database)"
    )


def _behind(barrier: Barrier, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in candidates if isinstance(one.request, Refusable) and one.request.barrier is barrier]


def _guards(answered: Sequence[Answered], headers: Mapping[str, str]) -> set[frozenset[str]]:
    """Return the schemes that the service demands as its description does: it refused whatever it was sent without.

    Many a service is run without, for a test: nothing then keeps a request from its operation. Wrong credentials tell
    nothing of none, and an error such as 404 may come from the operation itself.
    """
    refused: set[frozenset[str]] = set()
    reached: set[frozenset[str]] = set()
    for one, answer in answered:
        if not answer.status or not lacks_credentials(one, headers):
            continue
        if answer.status in REFUSALS[Barrier.CREDENTIALS]:
            refused.add(one.demands_credentials)
        elif not (isinstance(one.request, Refusable) and one.request.is_refused_by(answer.status)):
            reached.add(one.demands_credentials)
    return refused - reached


def _is_as_the_user(one: Candidate, headers: Mapping[str, str]) -> bool:
    """Whether a request was sent with what the user has, and as it is described."""
    sent = one.request.headers
    is_wrong = isinstance(one.request, Refusable) or one.method == WRONG_METHOD or has_wrong_credentials(one)
    return headers.items() <= sent.items() and not is_wrong and one.template != UNKNOWN


def _accepts_any_method(answered: Sequence[Answered]) -> bool:
    """Whether a service answers a method that its path does not know as if it did: it may not look at a body either.

    So may one that was not asked, or did not answer.
    """
    told = [answer.status for one, answer in answered if one.method == WRONG_METHOD and not one.asked_for]
    return not told or min(told) < FIRST_ERROR


def _is_chosen(status: int, chosen: Sequence[str]) -> bool:
    """Whether a status is one of those that were chosen, such as `404` or `4xx`; without a choice those of errors."""
    if not chosen:
        return status >= FIRST_ERROR and status != TOO_MANY
    return any(re.fullmatch(one.replace("x", r"\d"), str(status)) for one in chosen)


def _is_write(one: Candidate) -> bool:
    """Whether a request may change data, which was not asked for by its name."""
    return one.method not in SAFE_METHODS and not one.asked_for and not isinstance(one.request, Refusable)


def _accepted(answered: Sequence[Answered]) -> Iterator[str]:
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


def _gone(answered: Sequence[Answered]) -> CommandError:
    last = next((one for one, answer in reversed(answered) if answer.status), None)
    failure = next(answer.failure for _, answer in answered if not answer.status)
    after = f" after {last.method} {last.template}; leave that out with --exclude '{last.template}'" if last else ""
    return CommandError(f"the service does not answer any more ({failure}){after}")


def _in_order(one: Refused) -> tuple[bool, str, str, int]:
    """By path; what the framework refuses for any path alike comes last, so that a budget goes to the service's own."""
    path = one.path
    return path.is_of_the_framework, path.path, path.method, path.status
