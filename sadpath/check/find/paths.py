"""Find a service's error paths: send requests that should be refused, and group what was answered with 400 or more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby, pairwise
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from sadpath.check.driver import Answer, Request
from sadpath.check.find import PARAMETER, ErrorPath, Plan
from sadpath.check.find.careful import FIRST_ERROR, Careful
from sadpath.check.find.refusable import BROKEN_JSON, REFUSALS, Barrier, Refusable, demands_credentials, refusable
from sadpath.check.find.schema import Schema, cases, named_schema, usual_schema
from sadpath.check.settings import Settings
from sadpath.errors import CommandError

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
NOT_ALLOWED, UNPROCESSABLE, TOO_MANY = 405, 422, 429
WRONG_METHOD = "TRACE"
"""A method that paths for GET refuse. It is safe, and no parser of HTTP stumbles over it."""

MAX_OPERATIONS = 400
"""Operations of a description that are tried."""

SILENT_OPERATIONS = 3
"""Operations in a row without an answer to any request, after which the service counts as gone."""

UNKNOWN = "/{unknown}"
UNKNOWN_PATH = "/sadpath-no-such-path"
OVERSIZED = 2 << 20
WRONG_TOKEN = "Bearer sadpath-wrong-token"  # noqa: S105 - it is no secret
CREDENTIALS = {"authorization", "cookie", "x-api-key"}


METHOD_OVERRIDES = {"x-http-method-override", "x-http-method", "x-method-override"}
"""Headers by which some frameworks take a request as one of another method; `_method` in a query is another way."""

CHANGES_SOMETHING = {
    *("shutdown", "logout", "signout", "restart", "stop", "kill", "exit", "quit"),
    *("delete", "remove", "destroy", "drop", "purge", "reset", "revoke"),
}
"""Words in the path of a safe operation which one does not want to have repeated: what it says may be what it does."""


@dataclass(frozen=True)
class Candidate:
    """A request that may be refused. One that was `asked_for` is measured whatever it is answered with.

    `demands_credentials` is whether its operation is described so.
    """

    method: str
    template: str
    request: Request
    asked_for: bool = False
    demands_credentials: bool = False


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
        self._sender, self._settings, self._routes = sender, settings, routes
        self._say, self._agree, self._safe_only = say, agree, safe_only
        self._notes: list[str] = []
        self._writing: set[tuple[str, str]] = set()

    def find(self) -> Plan:
        """Return the error paths. Raises `CommandError` where the service does not answer any more."""
        chosen = [one for one in self._candidates() if one.asked_for or self._is_wanted(one.method, one.template)]
        if self._safe_only:
            self._writing |= {(one.method, one.template) for one in chosen if one.method not in SAFE_METHODS}
            chosen = [one for one in chosen if one.method in SAFE_METHODS]
        if may_write := _how_often(one for one in chosen if self._is_write(one)):
            self._agree(f"--writes: {may_write} at {self._sender.url} are tried again and again, and may change data")
        self._say(f"looking for error paths with {len(chosen):,} requests")
        answered = self._sent([one for one in chosen if not isinstance(one.request, Refusable)])
        if not _accepts_any_method(answered):
            answered += self._sent(_behind(Barrier.BODY, chosen))
        if _is_guarded(answered, self._settings.headers):
            answered += self._sent(_behind(Barrier.CREDENTIALS, chosen))
        paths = self._confirmed(self._grouped(answered))
        self._describe(answered, paths)
        return Plan(tuple(paths), tuple(self._notes), tuple(dict.fromkeys(_accepted(answered))))

    def _candidates(self) -> Iterator[Candidate]:
        settings = self._settings
        for request in settings.requests:
            template = request.path.partition("?")[0]
            yield Candidate(request.method, template, self._with_headers(request), asked_for=True)
        if settings.requests and not settings.schema:
            return
        seen = []
        for one in self._made():
            seen.append(one)
            yield replace(one, request=self._with_headers(one.request))
        yield from self._without_credentials(seen)
        yield from self._of_any_service(seen)

    def _made(self) -> Iterator[Candidate]:
        """Yield requests from the description or, without one, from the routes."""
        settings = self._settings
        if settings.schema:
            schema: Schema | None = named_schema(settings.schema, settings.headers, self._sender.url)
        else:
            schema = usual_schema(self._sender.url, settings.headers, self._notes.append)
        if schema is not None:
            yield from self._from_schema(schema)
        else:
            self._notes.append(_without_schema(self._routes))
            yield from self._from_routes()

    def _from_schema(self, schema: Schema) -> Iterator[Candidate]:
        """Yield our own requests first: they are the plainest, and stand for their group."""
        self._notes += schema.notes
        wanted = schema.narrowed(self._is_wanted, most=MAX_OPERATIONS)
        described, operations = list(schema.operations()), list(wanted.operations())
        tried = _how_many(len(operations), len(described))
        self._notes.append(f"{schema.where} describes {len(described):,} operations{tried}")
        self._see_operations([one[:2] for one in described], [one[:2] for one in operations])
        for method, template, operation in operations:
            guarded = demands_credentials(operation, schema.content)
            for request in self._plain(method, template, operation, schema):
                yield Candidate(method, template, request, demands_credentials=guarded)
        made, notes = cases(wanted.narrowed(lambda method, _: self._may_send(method), most=MAX_OPERATIONS))
        self._notes += notes
        for case in made:
            if self._settings.writes or not _overrides_method(case.request):
                yield Candidate(case.method, case.template, case.request)

    def _plain(self, method: str, template: str, operation: Mapping[str, Any], schema: Schema) -> Iterator[Request]:
        path = _filled(template)
        if not self._may_send(method):
            yield from refusable(method, template, path, operation, schema.content)
            return
        yield Request(method, path)
        if "requestBody" in operation:
            yield from _with_bad_bodies(method, path)

    def _from_routes(self) -> Iterator[Candidate]:
        self._see_operations(self._routes, [one for one in self._routes if self._is_wanted(*one)])
        for method, template in self._routes:
            if self._may_send(method):
                for value in ("999999999", "does-not-exist"):
                    yield Candidate(method, template, Request(method, _filled(template, value)))

    def _see_operations(self, known: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> None:
        """Note which are left out for what their paths say, and keep in mind which may change data."""
        self._writing |= {one for one in wanted if one[0] not in SAFE_METHODS}
        risky = [f"{method} {template}" for method, template in known if self._is_risky(method, template)]
        if risky:
            self._notes.append(
                f"left out, since they may change something: {', '.join(risky)}; --request '{risky[0]}' checks one"
            )

    def _may_send(self, method: str) -> bool:
        """Whether a request that its operation allows may be sent: one that cannot change data, unless it may."""
        return method in SAFE_METHODS or self._settings.writes

    def _without_credentials(self, seen: Sequence[Candidate]) -> Iterator[Candidate]:
        """Yield each safe operation once without the credentials of the settings, and once with wrong ones."""
        headers = self._settings.headers
        credentials = {name for name in headers if name.lower() in CREDENTIALS}
        others = {name: value for name, value in headers.items() if name not in credentials}
        first = {(one.method, one.template): one for one in reversed(seen) if one.method in SAFE_METHODS}
        for one in first.values():
            if credentials:
                yield replace(one, request=_with(one.request, others))
            yield replace(one, request=_with(one.request, {**others, "Authorization": WRONG_TOKEN}))

    def _of_any_service(self, seen: Sequence[Candidate]) -> Iterator[Candidate]:
        """Yield what any service refuses: a path that it does not know, a method, a body that is too large."""
        yield Candidate("GET", UNKNOWN, self._with_headers(Request("GET", UNKNOWN_PATH)))
        known = next((one for one in seen if one.method == "GET"), None)
        if known:
            yield replace(known, method=WRONG_METHOD, request=replace(known.request, method=WRONG_METHOD))
        with_body = next((one for one in seen if one.request.body), None)
        if with_body:
            body = b'"' + b"x" * OVERSIZED
            yield replace(with_body, request=self._with_headers(replace(with_body.request, body=body)))

    def _with_headers(self, request: Request) -> Request:
        """Return a request with the user's headers, unless it has to be refused: they may be credentials."""
        return request if isinstance(request, Refusable) else _with(request, self._settings.headers)

    def _is_wanted(self, method: str, template: str) -> bool:
        return self._is_chosen(method, template) and not self._is_risky(method, template)

    def _is_chosen(self, method: str, template: str) -> bool:
        include, exclude = self._settings.include, self._settings.exclude
        if template == UNKNOWN and not include:
            return True
        name = f"{method} {template}"

        def matches(patterns: Sequence[str]) -> bool:
            return any(fnmatchcase(name, pattern) or fnmatchcase(template, pattern) for pattern in patterns)

        return (not include or matches(include)) and not matches(exclude)

    def _is_risky(self, method: str, template: str) -> bool:
        """Whether an operation that was chosen, but not by its full name, is safe by its method alone."""
        named = {template, f"{method} {template}"} & {*self._settings.include}
        is_taken_at_its_word = self._settings.writes or named or method not in SAFE_METHODS
        return not is_taken_at_its_word and _changes_something(template) and self._is_chosen(method, template)

    def _is_write(self, one: Candidate) -> bool:
        """Whether this is sent for `settings.writes` alone."""
        return one.method not in SAFE_METHODS and not one.asked_for and not isinstance(one.request, Refusable)

    def _sent(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, Answer]]:
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

    def _confirmed(self, paths: Sequence[ErrorPath]) -> list[ErrorPath]:
        """Send each path's request again, and keep those that are answered as before."""
        again = self._sender.answers([path.request for path in paths])
        kept = []
        for path, answer in zip(paths, again, strict=True):
            if answer.status == path.status:
                kept.append(path)
            else:
                self._notes.append(
                    f"{path.name}: the same request was then answered with {answer.status or answer.failure}"
                )
        return [path for path in kept if not self._sender.why_over(path.request)]

    def _describe(self, answered: Sequence[tuple[Candidate, Answer]], paths: Sequence[ErrorPath]) -> None:
        """Note what there is to say about the search."""
        limited = sum(answer.status == TOO_MANY for _, answer in answered)
        if limited > len(answered) / 4:
            self._notes.append(
                f"the service limits the rate: {limited} of {len(answered)} requests were answered with 429"
            )
        if untried := len(self._writing - {(one.method, one.template) for one, _ in answered}):
            self._notes.append(_untried(untried, safe_only=self._safe_only))
        failed = [answer.failure for _, answer in answered if answer.failure]
        if failed:
            self._notes.append(f"{len(failed)} of {len(answered)} requests were not answered: {failed[0]}")
        if not paths and not self._settings.requests:
            self._notes.append("no request was answered with an error; name one with --request 'GET /users/999'")


def _how_many(tried: int, described: int) -> str:
    """Return how many operations were tried, and how to try others; nothing if all were."""
    if tried == described:
        return ""
    spread = ", spread evenly; name others with --include" if tried == MAX_OPERATIONS else ""
    return f", of which {tried:,} were tried{spread}"


def _without_schema(routes: Sequence[tuple[str, str]]) -> str:
    if routes:
        return f"no OpenAPI description; {len(routes):,} routes were read in the running app"
    return (
        "no OpenAPI description and no routes were found; name one with --schema, or requests with "
        "--request 'GET /users/999'"
    )


def _untried(count: int, *, safe_only: bool) -> str:
    operations = "operation that may change data was" if count == 1 else "operations that may change data were"
    why = "only safe methods are sent here, so a check may find more" if safe_only else "--writes tries them too"
    return f"{count:,} {operations} not tried; {why}"


def _with_bad_bodies(method: str, path: str) -> Iterator[Request]:
    yield Request(method, path, {"Content-Type": "application/json"}, BROKEN_JSON)
    yield Request(method, path, {"Content-Type": "text/x-sadpath"}, b"neither")


def _behind(barrier: Barrier, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in candidates if isinstance(one.request, Refusable) and one.request.barrier is barrier]


def _is_guarded(answered: Sequence[tuple[Candidate, Answer]], headers: Mapping[str, str]) -> bool:
    """Whether the service demands the credentials that its description does, as far as was seen.

    Many a service is run without, for a test: nothing then keeps a request from its operation.
    """
    statuses = {
        answer.status
        for one, answer in answered
        if one.demands_credentials and not (headers and headers.items() <= one.request.headers.items())
    }
    return bool(statuses & REFUSALS[Barrier.CREDENTIALS]) and not any(0 < one < FIRST_ERROR for one in statuses)


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


def _overrides_method(request: Request) -> bool:
    """Whether some frameworks would take this for a request of another method."""
    query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    return "_method" in query or any(name.lower() in METHOD_OVERRIDES for name in request.headers)


def _changes_something(template: str) -> bool:
    """Whether a path says so with one of its words, also written as two: `/auth/sign-out`."""
    words = [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", re.sub(PARAMETER, "/", template))]
    return not CHANGES_SOMETHING.isdisjoint([*words, *(one + other for one, other in pairwise(words))])


def _filled(template: str, value: str = "999999999") -> str:
    """Return a path of a template with values that most likely do not exist."""
    filled = re.sub(
        PARAMETER,
        lambda parameter: "00000000-0000-4000-8000-000000000000" if "uuid" in parameter[0].lower() else value,
        template,
    )
    return quote(filled, safe="/?%:@!$&'()*+,;=-._~", errors="surrogatepass")


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**headers, **request.headers})


def _gone(answered: Sequence[tuple[Candidate, Answer]]) -> CommandError:
    last = next((one for one, answer in reversed(answered) if answer.status), None)
    failure = next(answer.failure for _, answer in answered if not answer.status)
    after = f" after {last.method} {last.template}; leave that out with --exclude '{last.template}'" if last else ""
    return CommandError(f"the service does not answer any more ({failure}){after}")


def _in_order(group: tuple[tuple[str, str, int], Request]) -> tuple[bool, str, str, int]:
    """By path; what the framework refuses for any path alike comes last, so that a budget goes to the service's own."""
    (method, template, status), _ = group
    return status in (NOT_ALLOWED, UNPROCESSABLE), template, method, status
