"""Requests that a service may refuse: from its description or its routes, and what any service refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from sadpath.check.driver import Request
from sadpath.check.find import PARAMETER, UNKNOWN, UNKNOWN_PATH
from sadpath.check.find.bodies import plain_bodies
from sadpath.check.find.cases import Making
from sadpath.check.find.description import listed
from sadpath.check.find.inputs import FRAMING, FRAMING_PREFIXES
from sadpath.check.find.named import named
from sadpath.check.find.prefix import at_its_prefix
from sadpath.check.find.published import published_schema
from sadpath.check.find.refusable import Barrier, Refusable, demands_credentials, refusable
from sadpath.check.find.safe import SAFE_METHODS, changes_something, hides_a_change
from sadpath.check.find.schema import Schema, named_schema
from sadpath.check.login.log_in import merged
from sadpath.check.routes import Route
from sadpath.check.settings import Settings

SHARE_OF_BUDGET, LEAST_S = 0.25, 10.0
"""Of the time to measure, in which requests are made from a description."""

WRONG_METHOD = "TRACE"
"""A method that paths for GET refuse. It is safe, and no parser of HTTP stumbles over it."""

OVERSIZED = 2 << 20
WRONG = "sadpath-wrong-token"
CREDENTIALS = {"authorization", "cookie", "x-api-key"}
NO_CREDENTIALS = {*FRAMING, "cache-control", "origin", "referer", "user-agent", "x-request-id", "x-requested-with"}


@dataclass(frozen=True)
class Candidate:
    """A request that may be refused. One that was `asked_for` is measured whatever it is answered with.

    `demands_credentials` has the schemes that its operation is described with. One that `is_a_question` is no error
    path whatever the answer: it was not chosen, but others depend on it.
    """

    method: str
    template: str
    request: Request
    asked_for: bool = False
    demands_credentials: frozenset[str] = frozenset()
    is_a_question: bool = False


class Candidates:
    """All that is tried on a service at `url`, and what there is to say of it.

    `notes` are a line each, and `writing` the methods and templates of the operations that may change data, among those
    that the settings choose: both are complete once all candidates were made.
    """

    def __init__(self, url: str, settings: Settings, routes: Sequence[Route]) -> None:
        self.notes: list[str] = []
        self.writing: set[tuple[str, str]] = set()
        self._url, self._settings = url, settings
        self._routes = [(one.method, one.path) for one in routes]
        self._making: Making | None = None
        self._described: Mapping[tuple[str, str], frozenset[str]] = {}

    def chosen(self) -> list[Candidate]:
        """Return what the settings choose. Raises `CommandError` for a description that cannot be read."""
        chosen = [one for one in self._all() if one.asked_for or self._is_wanted(one.method, one.template)]
        return [*self._any_method(chosen), *chosen]

    def made(self) -> Iterator[Candidate]:
        """Yield what is made from the description since `chosen` was called, as it comes, until its time is over."""
        for case in self._making or ():
            is_harmless = not (changes_something(case.template) or hides_a_change(case.request, case.template))
            if self._settings.writes or is_harmless:
                yield Candidate(case.method, case.template, self._as_the_user(case.request))
        if self._making:
            self.notes += self._making.notes
            self.notes += _left(self._making, self._settings.budget_s)

    def _all(self) -> Iterator[Candidate]:
        settings = self._settings
        yield from self._named()
        if settings.requests and not settings.schema:
            return
        seen = []
        for one in self._made():
            seen.append(one)
            yield replace(one, request=self._with_headers(one.request))
        yield from self._without_credentials(seen)
        yield from self._of_any_service(seen)

    def _named(self) -> Iterator[Candidate]:
        """Yield the requests that were named, and note which of them have to stay as they are."""
        fixed = []
        for request in self._settings.requests:
            template = request.path.partition("?")[0]
            self._see_writing([(request.method, template)])
            to_send = named(request, may_vary=self._may_send(request.method) and not hides_a_change(request, ""))
            fixed += [] if to_send.inputs or to_send.may_vary else [f"{request.method} {template}"]
            yield Candidate(request.method, template, self._with_headers(to_send), asked_for=True)
        if fixed:
            self.notes.append(
                f"measured with the same inputs only: {listed(fixed)}; braces, as in {{name}}, say what may differ"
            )

    def _made(self) -> Iterator[Candidate]:
        """Yield requests from the description or, without one, from the routes."""
        settings = self._settings
        if settings.schema:
            schema: Schema | None = named_schema(settings.schema, settings.headers, self._url)
        else:
            schema = published_schema(self._url, settings.headers, self._routes, self.notes.append)
        if schema is not None:
            yield from self._from_schema(schema)
        else:
            self.notes.append(_without_schema(self._routes))
            yield from self._from_routes()

    def _from_schema(self, schema: Schema) -> Iterator[Candidate]:
        """Yield our own requests first: they are the plainest, and stand for their group."""
        self._described, own = _names(schema, schema.prefix), schema.prefix
        schema = at_its_prefix(schema, self._url, self._settings.headers, self._routes, self._is_chosen)
        self._described = _names(schema, own)
        self.notes += schema.notes
        described = list(schema.operations())
        wanted = schema.narrowed(self._is_wanted)
        operations = list(wanted.operations())
        tried = (
            f", of which {len(operations):,} {'was' if len(operations) == 1 else 'were'} tried"
            if len(operations) < len(described)
            else ""
        )
        noun = "operation" if len(described) == 1 else "operations"
        self.notes.append(f"{schema.where} describes {len(described):,} {noun}{tried}")
        self._leave_out([one[:2] for one in described])
        self._see_writing([one[:2] for one in operations])
        within_s = max(LEAST_S, SHARE_OF_BUDGET * self._settings.budget_s)
        self._making = Making(wanted.narrowed(lambda method, _: self._may_send(method)), within_s, 2 * within_s)
        for method, template, operation in operations:
            guarded = demands_credentials(operation, schema.content)
            for request in self._plain(method, template, operation, schema):
                yield Candidate(method, template, request, demands_credentials=guarded)

    def _plain(self, method: str, template: str, operation: Mapping[str, Any], schema: Schema) -> Iterator[Request]:
        path = _filled(template)
        if not self._may_send(method):
            yield from refusable(method, template, path, operation, schema)
            return
        yield Request(method, path)
        yield from plain_bodies(method, path, operation, schema)

    def _from_routes(self) -> Iterator[Candidate]:
        self._leave_out(self._routes)
        self._see_writing([one for one in self._routes if self._is_wanted(*one)])
        for method, template in self._routes:
            if self._may_send(method):
                for value in ("999999999", "does-not-exist"):
                    yield Candidate(method, template, Request(method, _filled(template, value)))
                for request in plain_bodies(method, _filled(template), {}, None):
                    yield Candidate(method, template, request)

    def _see_writing(self, operations: Sequence[tuple[str, str]]) -> None:
        self.writing |= {one for one in operations if one[0] not in SAFE_METHODS}

    def _leave_out(self, known: Sequence[tuple[str, str]]) -> None:
        """Note which operations are left out for what their paths say."""
        risky = [f"{method} {template}" for method, template in known if self._is_risky(method, template)]
        if risky:
            self.notes.append(
                f"left out, since they may change something: {', '.join(risky)}; --include '{risky[0]}' checks one"
            )

    def _may_send(self, method: str) -> bool:
        """Whether a request that its operation allows may be sent: one that cannot change data, unless it may."""
        return method in SAFE_METHODS or self._settings.writes

    def _without_credentials(self, seen: Sequence[Candidate]) -> Iterator[Candidate]:
        """Yield each safe operation once without the credentials of the settings, and once with wrong ones."""
        headers = self._settings.headers
        credentials = {name: value for name, value in headers.items() if self._is_credential(name)}
        others = {name: value for name, value in headers.items() if name not in credentials}
        nobodys = {name: value for name, value in headers.items() if not may_be_credentials(name)}
        first = {(one.method, one.template): one for one in reversed(seen) if one.method in SAFE_METHODS}
        for one in first.values():
            if nobodys != headers:
                yield replace(one, request=_with(one.request, others if credentials else nobodys))
            for wrong in _wrong(credentials):
                yield replace(one, request=_with(one.request, {**others, **wrong}))

    def _is_credential(self, header: str) -> bool:
        auth = self._settings.auth
        return header.lower() in CREDENTIALS or bool(auth and header.lower() == auth.header_name.lower())

    def _of_any_service(self, seen: Sequence[Candidate]) -> Iterator[Candidate]:
        """Yield what any service refuses: a path that it does not know, a method, a body that is too large."""
        yield Candidate("GET", UNKNOWN, self._with_headers(Request("GET", UNKNOWN_PATH)))
        yield from map(self._with_wrong_method, [one for one in seen if one.method == "GET"][:1])
        with_body = next((one for one in seen if one.request.body), None)
        if with_body:
            body = b'"' + b"x" * OVERSIZED
            yield replace(with_body, request=self._with_headers(replace(with_body.request, body=body)))

    def _any_method(self, chosen: Sequence[Candidate]) -> Iterator[Candidate]:
        """Yield a wrong method where something depends on its refusal, and none was chosen."""
        broken = [one for one in chosen if isinstance(one.request, Refusable) and one.request.barrier is Barrier.BODY]
        plain = [one for one in broken if not changes_something(one.template)]
        if plain and not any(one.method == WRONG_METHOD and not one.asked_for for one in chosen):
            yield replace(self._with_wrong_method(plain[0]), is_a_question=True)

    def _with_wrong_method(self, known: Candidate) -> Candidate:
        return replace(known, method=WRONG_METHOD, request=Request(WRONG_METHOD, known.request.path))

    def _with_headers(self, request: Request) -> Request:
        """Return a request with the user's headers, unless it has to be refused: they may be credentials."""
        return request if isinstance(request, Refusable) else _with(request, self._settings.headers)

    def _as_the_user(self, made: Request) -> Request:
        """Return what was made with the user's headers, and no other credentials: those that are made are none."""
        users = {name.lower() for name in self._settings.headers if may_be_credentials(name)}
        others = {name: value for name, value in made.headers.items() if name.lower() not in users}
        return self._with_headers(replace(made, headers=others))

    def _is_wanted(self, method: str, template: str) -> bool:
        return self._is_chosen(method, template) and not self._is_risky(method, template)

    def _is_chosen(self, method: str, *templates: str) -> bool:
        """Whether the settings choose an operation, by any of its templates: it may have another below a prefix."""
        include, exclude = self._settings.include, self._settings.exclude
        if UNKNOWN in templates and not include:
            return True
        described = [name for one in templates for name in self._described.get((method, one), ())]
        names = set(described).union(*(_both(method, one) for one in templates))

        def matches(patterns: Sequence[str]) -> bool:
            return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns for name in names)

        return (not include or matches(include)) and not matches(exclude)

    def _is_risky(self, method: str, template: str) -> bool:
        """Whether an operation that was chosen, but not by its full name, is safe by its method alone."""
        named = _both(method, template) & {*self._settings.include}
        is_taken_at_its_word = self._settings.writes or named or method not in SAFE_METHODS
        return not is_taken_at_its_word and changes_something(template) and self._is_chosen(method, template)


def may_be_credentials(header: str) -> bool:
    """Whether a header of this name may let somebody in, for all that we know."""
    return header.lower() not in NO_CREDENTIALS and not header.lower().startswith(FRAMING_PREFIXES)


def _left(making: Making, budget_s: float) -> Iterator[str]:
    """Yield that some operations were tried with plain requests alone, and what to type for the rest."""
    if left := len(making.left):
        count = len(making.wanted)
        needed = making.within_s * count / (count - left or 1) / SHARE_OF_BUDGET
        budget = math.ceil(max(needed, 2 * budget_s) / 10) * 10
        yield f"bodies and parameters of {left:,} of {count:,} operations were not tried; --budget {budget} tries more"


def _names(schema: Schema, own: str) -> dict[tuple[str, str], frozenset[str]]:
    """Return by what else each operation may be chosen, such as its path below the `own` prefix of the description."""
    return {
        (method, template): _id_and_tags(operation) | _both(method, own + template.removeprefix(schema.prefix))
        for method, template, operation in schema.operations()
    }


def _both(method: str, template: str) -> set[str]:
    return {template, f"{method} {template}"}


def _id_and_tags(operation: Mapping[str, Any]) -> frozenset[str]:
    tags = operation.get("tags")
    names = [operation.get("operationId"), *(tags if isinstance(tags, list) else [])]
    return frozenset(one for one in names if isinstance(one, str))


def _without_schema(routes: Sequence[tuple[str, str]]) -> str:
    if routes:
        read = "route was" if len(routes) == 1 else "routes were"
        return f"no OpenAPI description; {len(routes):,} {read} read in the running app"
    return (
        "no OpenAPI description and no routes were found; name one with --schema, or requests with "
        "--request 'GET /users/999'"
    )


def _wrong(credentials: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield a wrong token, and each of these credentials made wrong, as far as that is another one."""
    bearer = {"Authorization": f"Bearer {WRONG}"}
    yield bearer
    for name, value in credentials.items():
        scheme = value.rpartition(" ")[0]
        is_cookie = name.lower() == "cookie"
        wrong = re.sub("=[^;]*", f"={WRONG}", value) if is_cookie else f"{scheme} {WRONG}".strip()
        if (one := {name: wrong}) != bearer:
            yield one


def _filled(template: str, value: str = "999999999") -> str:
    """Return a path of a template with values that most likely do not exist."""
    filled = re.sub(
        PARAMETER,
        lambda parameter: "00000000-0000-4000-8000-000000000000" if "uuid" in parameter[0].lower() else value,
        template,
    )
    return quote(filled, safe="/?%:@!$&'()*+,;=-._~", errors="surrogatepass")


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers=merged(headers, request.headers))
