"""Find a service's error paths: send requests that should be refused, and group what was answered with 400 or more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Protocol
from urllib.parse import quote

from sadpath.check.driver import Answer, Request
from sadpath.check.find import PARAMETER, ErrorPath, Plan
from sadpath.check.find.schema import Schema, cases, named_schema, usual_schema
from sadpath.check.settings import Settings
from sadpath.errors import CommandError

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
FIRST_ERROR, FIRST_SERVER_ERROR = 400, 500
WRONG_METHOD, UNPROCESSABLE, TOO_MANY = 405, 422, 429
MAX_OPERATIONS = 400
"""Operations of a description that are tried."""

SILENT_OPERATIONS = 3
"""Operations in a row without an answer to any request, after which the service counts as gone."""

UNKNOWN = "/{unknown}"
UNKNOWN_PATH = "/sadpath-no-such-path"
OVERSIZED = 2 << 20
WRONG_TOKEN = "Bearer sadpath-wrong-token"  # noqa: S105 - it is no secret
CREDENTIALS = {"authorization", "cookie", "x-api-key"}


class Asking(Protocol):
    """What sends requests one by one: `sadpath.check.driver.Driver`."""

    url: str

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, and return the answers in order."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A request that may be refused. One that was `asked_for` is measured whatever it is answered with."""

    method: str
    template: str
    request: Request
    asked_for: bool = False


class Finder:
    """Finds the error paths of a service, and notes what there is to say about the search.

    Requests that were named are the only ones, unless a schema is named as well. Else they are made from the OpenAPI
    description or, where there is none, from the `routes` that the probe has read in the running app. Without
    `settings.writes`, a method that changes data is only sent with what its description forbids. `say` is told what
    takes time.
    """

    def __init__(
        self,
        sender: Asking,
        settings: Settings,
        routes: Sequence[tuple[str, str]] = (),
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._sender, self._settings, self._routes, self._say = sender, settings, routes, say
        self._notes: list[str] = []

    def find(self) -> Plan:
        """Return the error paths. Raises `CommandError` where the service does not answer any more."""
        chosen = [one for one in self._candidates() if one.asked_for or self._is_wanted(one.method, one.template)]
        self._say(f"looking for error paths with {len(chosen):,} requests")
        answered = self._sent(chosen)
        paths = self._confirmed(self._grouped(answered))
        self._describe(answered, paths)
        return Plan(tuple(paths), tuple(self._notes))

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
        described, operations = len(list(schema.operations())), list(wanted.operations())
        self._notes.append(f"{schema.where} describes {described:,} operations{_how_many(len(operations), described)}")
        for method, template, operation in operations:
            if self._may_send(method):
                yield Candidate(method, template, Request(method, _filled(template)))
            if "requestBody" in operation:
                yield from _with_bad_bodies(method, template)
        made, notes = cases(wanted)
        self._notes += notes
        for case in made:
            if self._may_send(case.method) or not case.valid:
                yield Candidate(case.method, case.template, case.request)

    def _from_routes(self) -> Iterator[Candidate]:
        for method, template in self._routes:
            if self._may_send(method):
                for value in ("999999999", "does-not-exist"):
                    yield Candidate(method, template, Request(method, _filled(template, value)))

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
            yield replace(known, method="PATCH", request=self._with_headers(replace(known.request, method="PATCH")))
        with_body = next((one for one in seen if one.request.body), None)
        if with_body:
            body = b'"' + b"x" * OVERSIZED
            yield replace(with_body, request=self._with_headers(replace(with_body.request, body=body)))

    def _with_headers(self, request: Request) -> Request:
        return _with(request, self._settings.headers)

    def _is_wanted(self, method: str, template: str) -> bool:
        include, exclude = self._settings.include, self._settings.exclude
        if template == UNKNOWN and not include:
            return True
        name = f"{method} {template}"

        def matches(patterns: Sequence[str]) -> bool:
            return any(fnmatchcase(name, pattern) or fnmatchcase(template, pattern) for pattern in patterns)

        return (not include or matches(include)) and not matches(exclude)

    def _sent(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, Answer]]:
        """Send all, operation by operation, so that one which hangs costs few of them.

        Raises `CommandError` where nothing answers any more: the service may have been ended by a request.
        """
        answered: list[tuple[Candidate, Answer]] = []
        silent = 0
        for _, group in groupby(candidates, key=lambda one: (one.method, one.template)):
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
            if (answer.status >= FIRST_ERROR and answer.status != TOO_MANY) or (one.asked_for and answer.status):
                key = (one.method, one.template, answer.status)
                if answer.status == WRONG_METHOD and not one.asked_for:
                    key = next((other for other in groups if other[2] == WRONG_METHOD), key)
                groups.setdefault(key, one.request)
        return [
            ErrorPath(method, template, status, request)
            for (method, template, status), request in sorted(groups.items(), key=_in_order)
            if self._is_repeatable(method, status)
        ]

    def _is_repeatable(self, method: str, status: int) -> bool:
        """Whether a request changes nothing when it is repeated: by its method, or because it was rejected.

        An operation that failed with 500 may have changed something before.
        """
        is_rejected = FIRST_ERROR <= status < FIRST_SERVER_ERROR
        return self._may_send(method) or bool(self._settings.requests) or is_rejected

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
        return kept

    def _describe(self, answered: Sequence[tuple[Candidate, Answer]], paths: Sequence[ErrorPath]) -> None:
        """Note what there is to say about the search."""
        limited = sum(answer.status == TOO_MANY for _, answer in answered)
        if limited > len(answered) / 4:
            self._notes.append(
                f"the service limits the rate: {limited} of {len(answered)} requests were answered with 429"
            )
        accepted = sum(one.method not in SAFE_METHODS and 0 < answer.status < FIRST_ERROR for one, answer in answered)
        if accepted:
            self._notes.append(f"requests of methods that change data that were accepted while looking: {accepted}")
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


def _with_bad_bodies(method: str, template: str) -> Iterator[Candidate]:
    json_type = {"Content-Type": "application/json"}
    path = _filled(template)
    yield Candidate(method, template, Request(method, path, json_type, b'{"broken'))
    yield Candidate(method, template, Request(method, path, {"Content-Type": "text/x-sadpath"}, b"neither"))


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
    return status in (WRONG_METHOD, UNPROCESSABLE), template, method, status
