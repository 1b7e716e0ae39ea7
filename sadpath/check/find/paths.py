"""Find a service's error paths: send requests that should be refused, and group what was answered with 400 or more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Protocol

from sadpath.check.find.schema import Schema, cases, named_schema, usual_schema
from sadpath.check.measure.distinct import PARAMETER
from sadpath.check.result import Answer, ErrorPath, Plan, Request
from sadpath.check.settings import Settings
from sadpath.errors import CommandError

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
FIRST_ERROR = 400
WRONG_METHOD, UNPROCESSABLE, TOO_MANY = 405, 422, 429
MAX_OPERATIONS = 400
"""Operations of a description that are tried."""

SILENT_OPERATIONS = 3
"""Operations in a row without an answer to any request, after which the service counts as gone."""
VARIED = 16
UNKNOWN = "/{unknown}"
UNKNOWN_PATH = "/sadpath-no-such-path"
ANY = "any path"
OVERSIZED = 2 << 20
WRONG_TOKEN = "Bearer sadpath-wrong-token"  # noqa: S105 - it is no secret
CREDENTIALS = {"authorization", "cookie", "x-api-key"}

Say = Callable[[str], None]


class Asking(Protocol):
    """What sends requests one by one: `sadpath.check.drive.driver.Driver`."""

    url: str

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, and return the answers in order."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A request that may be refused. Where it `may_change` data, only a refusal is repeated."""

    method: str
    template: str
    request: Request
    asked_for: bool = False


def find_paths(sender: Asking, settings: Settings, routes: Sequence[tuple[str, str]], say: Say) -> Plan:
    """Return the error paths of a service.

    Requests that were named are the only ones, unless a schema is named as well. Else they are made from the OpenAPI
    description or, where there is none, from the `routes` that the probe has read in the running app. Without
    `settings.writes`, a method that changes data is only sent with what its description forbids.

    Raises `CommandError` where the service does not answer any more.
    """
    notes: list[str] = []
    candidates = list(_candidates(sender, settings, routes, notes))
    chosen = [one for one in candidates if one.asked_for or _is_wanted(one.method, one.template, settings)]
    say(f"looking for error paths with {len(chosen):,} requests")
    answered = _sent(sender, chosen)
    paths = _confirmed(sender, _grouped(answered, settings), notes)
    _describe(answered, paths, settings, notes)
    return Plan(tuple(paths), tuple(notes))


def _candidates(
    sender: Asking, settings: Settings, routes: Sequence[tuple[str, str]], notes: list[str]
) -> Iterable[Candidate]:
    for request in settings.requests:
        yield Candidate(
            request.method, request.path.partition("?")[0], _with(request, settings.headers), asked_for=True
        )
    if settings.requests and not settings.schema:
        return
    schema = (
        named_schema(settings.schema, settings.headers)
        if settings.schema
        else usual_schema(sender.url, settings.headers)
    )
    if schema is not None:
        made = _from_schema(schema, settings, notes)
    else:
        made = _from_routes(routes, settings)
        notes.append(_without_schema(routes))
    seen: list[Candidate] = []
    for one in made:
        seen.append(one)
        yield replace(one, request=_with(one.request, settings.headers))
    yield from _without_credentials(seen, settings)
    yield from _of_any_service(seen, settings)


def _from_schema(schema: Schema, settings: Settings, notes: list[str]) -> Iterable[Candidate]:
    """Yield our own requests first: they are the plainest, and stand for their group."""
    wanted = schema.narrowed(lambda method, template: _is_wanted(method, template, settings), most=MAX_OPERATIONS)
    described, operations = len(list(schema.operations())), list(wanted.operations())
    notes.append(f"{schema.where} describes {described:,} operations{_how_many(len(operations), described)}")
    for method, template, operation in operations:
        if method in SAFE_METHODS or settings.writes:
            yield Candidate(method, template, Request(method, _filled(template)))
        if "requestBody" in operation:
            yield from _with_bad_bodies(method, template)
    found, more = cases(wanted)
    notes += more
    for case in found:
        if case.method in SAFE_METHODS or settings.writes or not case.valid:
            yield Candidate(case.method, case.template, case.request)


def _how_many(tried: int, described: int) -> str:
    """Return how many operations were tried, and how to try others; nothing if all were."""
    if tried == described:
        return ""
    spread = ", spread evenly; name others with --include" if tried == MAX_OPERATIONS else ""
    return f", of which {tried:,} were tried{spread}"


def _from_routes(routes: Sequence[tuple[str, str]], settings: Settings) -> Iterable[Candidate]:
    for method, template in routes:
        if method in SAFE_METHODS or settings.writes:
            for value in ("999999999", "does-not-exist"):
                yield Candidate(method, template, Request(method, _filled(template, value)))


def _without_schema(routes: Sequence[tuple[str, str]]) -> str:
    if routes:
        return f"no OpenAPI description; {len(routes):,} routes were read in the running app"
    return (
        "no OpenAPI description and no routes were found; name one with --schema, or requests with "
        "--request 'GET /users/999'"
    )


def _with_bad_bodies(method: str, template: str) -> Iterable[Candidate]:
    json_type = {"Content-Type": "application/json"}
    path = _filled(template)
    yield Candidate(method, template, Request(method, path, json_type, b'{"broken'))
    yield Candidate(method, template, Request(method, path, {"Content-Type": "text/x-sadpath"}, b"neither"))


def _without_credentials(seen: Sequence[Candidate], settings: Settings) -> Iterable[Candidate]:
    """Yield each safe operation once without the credentials of the settings, and once with wrong ones."""
    credentials = {name for name in settings.headers if name.lower() in CREDENTIALS}
    others = {name: value for name, value in settings.headers.items() if name not in credentials}
    first = {(one.method, one.template): one for one in reversed(seen) if one.method in SAFE_METHODS}
    for one in first.values():
        if credentials:
            yield replace(one, request=_with(one.request, others))
        yield replace(one, request=_with(one.request, {**others, "Authorization": WRONG_TOKEN}))


def _of_any_service(seen: Sequence[Candidate], settings: Settings) -> Iterable[Candidate]:
    """Yield what any service refuses: a path that it does not know, a method, a body that is too large."""
    yield Candidate("GET", UNKNOWN, _with(Request("GET", UNKNOWN_PATH), settings.headers))
    known = next((one for one in seen if one.method == "GET"), None)
    if known:
        yield replace(known, method="PATCH", request=_with(replace(known.request, method="PATCH"), settings.headers))
    with_body = next((one for one in seen if one.request.body), None)
    if with_body:
        body = b'"' + b"x" * OVERSIZED
        yield replace(with_body, request=_with(replace(with_body.request, body=body), settings.headers))


def _filled(template: str, value: str = "999999999") -> str:
    """Return a path of a template with values that most likely do not exist."""
    return re.sub(
        PARAMETER,
        lambda found: "00000000-0000-4000-8000-000000000000" if "uuid" in found[0].lower() else value,
        template,
    )


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**headers, **request.headers})


def _is_wanted(method: str, template: str, settings: Settings) -> bool:
    if template == UNKNOWN and not settings.include:
        return True
    name = f"{method} {template}"

    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) or fnmatchcase(template, pattern) for pattern in patterns)

    return (not settings.include or matches(settings.include)) and not matches(settings.exclude)


def _sent(sender: Asking, candidates: Sequence[Candidate]) -> list[tuple[Candidate, Answer]]:
    """Send all, operation by operation, so that one which hangs costs few of them.

    Raises `CommandError` where nothing answers any more: the service may have been ended by a request.
    """
    answered: list[tuple[Candidate, Answer]] = []
    silent = 0
    for _, group in groupby(candidates, key=lambda one: (one.method, one.template)):
        batch = list(group)
        answers = sender.answers([one.request for one in batch])
        silent = 0 if any(one.status for one in answers) else silent + 1
        answered += zip(batch, answers, strict=True)
        if silent == SILENT_OPERATIONS:
            _raise_that_it_is_gone(answered)
    return answered


def _raise_that_it_is_gone(answered: Sequence[tuple[Candidate, Answer]]) -> None:
    last = next((one for one, answer in reversed(answered) if answer.status), None)
    failure = next(answer.failure for _, answer in answered if not answer.status)
    after = f" after {last.method} {last.template}; leave that out with --exclude '{last.template}'" if last else ""
    raise CommandError(f"the service does not answer any more ({failure}){after}")


def _grouped(answered: Sequence[tuple[Candidate, Answer]], settings: Settings) -> list[ErrorPath]:
    """Return an error path for each operation and status; wrong methods are one, and so are unknown paths."""
    groups: dict[tuple[str, str, int], list[Request]] = {}
    for one, answer in answered:
        if (answer.status >= FIRST_ERROR and answer.status != TOO_MANY) or (one.asked_for and answer.status):
            key = (one.method, one.template, answer.status)
            if answer.status == WRONG_METHOD and not one.asked_for:
                key = next((other for other in groups if other[2] == WRONG_METHOD), key)
            groups.setdefault(key, []).append(one.request)
    return [
        ErrorPath(method, template, status, requests[0], tuple(requests[1 : 1 + VARIED]))
        for (method, template, status), requests in sorted(groups.items(), key=_in_order)
        if _is_repeatable(method, status, settings)
    ]


def _in_order(group: tuple[tuple[str, str, int], list[Request]]) -> tuple[bool, str, str, int]:
    """By path; what the framework refuses for any path alike comes last, so that a budget goes to the service's own."""
    (method, template, status), _ = group
    return status in (WRONG_METHOD, UNPROCESSABLE), template, method, status


def _is_repeatable(method: str, status: int, settings: Settings) -> bool:
    """Whether a request changes nothing when it is repeated: by its method, or because it was rejected."""
    return settings.writes or bool(settings.requests) or method in SAFE_METHODS or FIRST_ERROR <= status < 500  # noqa: PLR2004


def _confirmed(sender: Asking, paths: Sequence[ErrorPath], notes: list[str]) -> list[ErrorPath]:
    """Send each path's request again, and keep those that are answered as before."""
    again = sender.answers([path.request for path in paths])
    kept = []
    for path, answer in zip(paths, again, strict=True):
        if answer.status == path.status:
            kept.append(path)
        else:
            notes.append(f"{path.name}: the same request was then answered with {answer.status or answer.failure}")
    return kept


def _describe(
    answered: Sequence[tuple[Candidate, Answer]], paths: Sequence[ErrorPath], settings: Settings, notes: list[str]
) -> None:
    """Add what there is to say about the search."""
    limited = sum(answer.status == TOO_MANY for _, answer in answered)
    if limited > len(answered) / 4:
        notes.append(f"the service limits the rate: {limited} of {len(answered)} requests were answered with 429")
    accepted = sum(one.method not in SAFE_METHODS and 0 < answer.status < FIRST_ERROR for one, answer in answered)
    if accepted:
        notes.append(f"requests of methods that change data that were accepted while looking: {accepted}")
    failed = [answer.failure for _, answer in answered if answer.failure]
    if failed:
        notes.append(f"{len(failed)} of {len(answered)} requests were not answered: {failed[0]}")
    if not paths and not settings.requests:
        notes.append("no request was answered with an error; name one with --request 'GET /users/999'")
