"""Which requests are sent to find error paths, which of these may be sent again, and what becomes an error path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sadpath.check.driver import Answer, Request, Sent
from sadpath.check.find import UNKNOWN_PATH, Plan
from sadpath.check.find.careful import Careful
from sadpath.check.find.named import Named
from sadpath.check.find.paths import Finder
from sadpath.check.login import Auth
from sadpath.check.routes import Route
from sadpath.check.settings import Settings
from sadpath.connection import Ends
from sadpath.errors import CommandError

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
ROUTES = [("GET", "/users/{id}"), ("POST", "/orders"), ("DELETE", "/orders/{id}")]
ITEM = {"type": "object", "required": ["item"], "properties": {"item": {"type": "integer"}}}
DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/orders": {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": ITEM}}},
                "responses": {"201": {"description": "created"}, "422": {"description": "no order"}},
            }
        }
    },
}


@dataclass
class Service:
    """Answers by method and path: what is not named is unknown. It keeps what it got."""

    statuses: Mapping[tuple[str, str], int | list[int]] = field(default_factory=dict)
    got: list[Request] = field(default_factory=list)
    url: str = "http://127.0.0.1:1"
    connections: int = 1

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer all."""
        self.got += requests
        return [self._answer(one) for one in requests]

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Fail: to find the paths, each request is sent once."""
        raise NotImplementedError

    def newly_opened(self) -> list[Ends]:
        """None: it has no connections."""
        return []

    def _answer(self, request: Request) -> Answer:
        status = self.statuses.get((request.method, request.path.partition("?")[0]), 404)
        if isinstance(status, list):
            status = status.pop(0)
        return Answer(status, 0.001, "" if status else "no answer")


def find(service: Service, *, routes: Sequence[tuple[str, str]] = ROUTES, **settings: object) -> Plan:
    """The plan for a service without a description, with these routes."""
    found = [Route(*one) for one in routes]
    return Finder(Careful(service), Settings(**settings), found).find()  # type: ignore[arg-type]  # fields of Settings


def names(plan: Plan) -> list[str]:
    return [path.name for path in plan.paths]


def test_an_error_path_is_an_operation_and_the_status_of_an_error() -> None:
    """What is answered without an error is none; of several requests with the same answer the first stands for all."""
    service = Service({("GET", "/users/999999999"): 404, ("GET", "/users/does-not-exist"): 200})
    plan = find(service, routes=ROUTES[:1])
    assert names(plan) == ["GET /users/{id} 404", "TRACE /users/{id} 404", "GET /{unknown} 404"]
    assert plan.paths[0].request.path == "/users/999999999"


def test_a_method_that_changes_data_is_not_sent_unless_it_may_be() -> None:
    """Of the routes of an app: nothing is known of what they refuse."""
    careful, bold = Service(), Service()
    find(careful)
    find(bold, writes=True)
    assert {one.method for one in careful.got if one.path.startswith("/orders")} == set()
    assert {one.method for one in bold.got if one.path.startswith("/orders")} == {"POST", "DELETE"}


def test_with_writes_a_route_gets_bodies_of_all_kinds() -> None:
    """Nothing is known of what it takes: JSON, forms and others, broken, empty, deep and of no encoding."""
    service = Service()
    find(service, writes=True)
    sent = {(one.headers.get("Content-Type", ""), one.body[:8]) for one in service.got if one.method == "POST"}
    of_json = {b'{"broken', b"{}", b"[]", b"null", b'""', b"[[[[[[[[", b'"\xff"'}
    assert {body for kind, body in sent if kind == "application/json"} >= of_json
    assert {body for kind, body in sent if kind == "application/x-www-form-urlencoded"} == {b"", b"sadpath="}
    assert {kind for kind, _ in sent} >= {"", "application/octet-stream", "text/x-sadpath"}


def test_a_described_body_is_of_the_described_kind(tmp_path: Path) -> None:
    """And of one that it does not know; its valid ones are sent after the plain ones."""
    service = Service({("POST", "/orders"): 422})
    find(service, routes=(), schema=described(tmp_path, DESCRIPTION["paths"]), writes=True)
    sent = [(one.headers.get("Content-Type", ""), one.body) for one in service.got if one.method == "POST"]
    assert {kind for kind, _ in sent} >= {"", "application/json", "text/x-sadpath"}
    assert "application/x-www-form-urlencoded" not in {kind for kind, _ in sent}
    assert ("application/json", b"{}") in sent
    assert ("application/json", b'{"item": 999999999}') in sent


def test_what_was_only_refused_is_said(tmp_path: Path) -> None:
    """With what would send more."""
    plan = find(Service({("POST", "/orders"): 422}), routes=(), schema=described(tmp_path, DESCRIPTION["paths"]))
    assert (
        "1 operation that changes data was only sent what its description forbids; --writes sends valid input too "
        "(use a test database)"
    ) in plan.notes


def described(folder: Path, paths: Mapping[str, object], **more: object) -> str:
    """A file with the description of a service that has these paths."""
    file = folder / "openapi.json"
    file.write_text(json.dumps({**DESCRIPTION, "paths": paths, **more}))
    return str(file)


def test_an_order_is_only_sent_with_a_body_that_nobody_can_read(tmp_path: Path) -> None:
    """One that the description allows would be an order, and one that it merely forbids may be one."""
    service = Service({("POST", "/orders"): 422})
    plan = find(service, routes=(), schema=described(tmp_path, DESCRIPTION["paths"]))
    bodies = {one.body[:8] for one in service.got if one.method == "POST"}
    assert bodies == {b'{"broken', b'"xxxxxxx'}
    assert "POST /orders 422" in names(plan)


def test_what_may_change_data_is_repeated_only_where_its_body_was_refused(tmp_path: Path) -> None:
    """404 may be the operation's own answer, and after 500 half of its work may be done; GET is repeated always."""
    post = DESCRIPTION["paths"]["/orders"]
    statuses = {("POST", f"/{status}"): status for status in (404, 400, 409, 415, 422, 499, 500, 503)}
    paths = {path: post for _, path in statuses} | {"/failing": {"get": {"responses": {}}}}
    service = Service({**statuses, ("GET", "/failing"): 500})
    plan = find(service, routes=(), schema=described(tmp_path, paths))
    assert {path.status for path in plan.paths if path.method == "POST"} == {400, 415, 422}
    assert not any("then answered" in note or "not answered" in note for note in plan.notes)
    assert "GET /failing 500" in names(plan)


def test_requests_that_are_named_are_the_only_ones() -> None:
    """Whatever they are answered with."""
    service = Service({("GET", "/health"): 200})
    assert names(find(service, requests=(Request("GET", "/health?full=1"),))) == ["GET /health 200"]
    assert {one.path for one in service.got} == {"/health?full=1"}


def test_a_header_of_a_named_request_wins_however_it_is_written() -> None:
    """It is not sent beside the one of all requests: a service would take either."""
    named = Request("GET", "/users/1", {"authorization": "Bearer own"})
    plan = find(Service(), requests=(named,), headers={"Authorization": "Bearer all", "X-Tenant": "1"})
    assert {**plan.paths[0].request.headers} == {"authorization": "Bearer own", "X-Tenant": "1"}


def test_what_is_named_with_braces_is_sent_with_a_value() -> None:
    """It is named as it was typed."""
    service = Service({("DELETE", "/users/999999999"): 404})
    assert names(find(service, requests=(Request("DELETE", "/users/{id}"),))) == ["DELETE /users/{id} 404"]
    assert {one.path for one in service.got} == {"/users/999999999"}


@pytest.mark.parametrize(
    ("asked", "may_vary", "with_writes"),
    [
        (Request("GET", "/users?name=ann"), True, True),
        (Request("POST", "/users?name=ann"), False, True),
        (Request("GET", "/users?do=delete&name=ann"), False, False),
    ],
)
def test_what_is_named_may_vary_if_that_changes_nothing(asked: Request, may_vary: bool, with_writes: bool) -> None:  # noqa: FBT001
    """Or with `--writes`, unless it says that it changes something."""
    for writes, expected in ((False, may_vary), (True, with_writes)):
        plan = find(Service(), requests=(asked,), writes=writes)
        assert isinstance(plan.paths[0].request, Named)
        assert plan.paths[0].request.may_vary is expected
        assert bool(plan.notes) is not expected


def test_what_stays_as_it_is_named_is_noted() -> None:
    """With what lets it vary."""
    asked = (Request("POST", "/login?a=b"), Request("POST", "/users/{id}"), Request("GET", "/health"))
    (note,) = find(Service(), requests=asked).notes
    assert note == "measured with the same inputs only: 'POST /login'; braces, as in {name}, say what may differ"


def test_a_path_that_is_then_answered_otherwise_is_left_out() -> None:
    """The report says so."""
    plan = find(Service({("GET", UNKNOWN_PATH): [404, 200]}), routes=())
    assert names(plan) == []
    assert "GET /{unknown} 404: the same request was then answered with 200" in plan.notes


def test_wrong_methods_are_one_path_whatever_the_operation() -> None:
    """And what the framework refuses comes last."""
    routes = [("GET", "/a"), ("GET", "/b"), ("HEAD", "/z")]
    statuses = {("GET", "/a"): 405, ("GET", "/b"): 405, ("TRACE", "/a"): 405, ("HEAD", "/z"): 404}
    assert names(find(Service(dict(statuses)), routes=routes)) == ["HEAD /z 404", "GET /a 405", "GET /{unknown} 404"]


def test_credentials_are_left_out_once_and_wrong_once() -> None:
    """With each safe operation."""
    service = Service()
    find(service, routes=ROUTES[:1], headers={"Authorization": "Bearer right", "X-Shop": "1"})
    sent = [one.headers.get("Authorization") for one in service.got if one.path == "/users/999999999"]
    assert {"Bearer right", None, "Bearer sadpath-wrong-token"} <= set(sent)
    assert {one.headers.get("X-Shop") for one in service.got if one.method == "GET"} == {"1"}


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("Authorization", "Token right", "Token sadpath-wrong-token"),
        ("Cookie", "id=right; theme=dark", "id=sadpath-wrong-token; theme=sadpath-wrong-token"),
        ("X-Shop-Key", "right", "sadpath-wrong-token"),
    ],
)
def test_credentials_are_wrong_in_their_own_form(name: str, right: str, wrong: str) -> None:
    """A session that nobody has is refused elsewhere than a token; the header of the login is a credential, too."""
    service = Service()
    find(service, routes=ROUTES[:1], headers={name: right}, auth=Auth("/login", header="X-Shop-Key: {token}"))
    sent = {tuple(one.headers.items()) for one in service.got if one.method == "GET"}
    bearer = ("Authorization", "Bearer sadpath-wrong-token")
    assert sent == {(), ((name, right),), ((name, wrong),), (bearer,)}


@dataclass
class Strict(Service):
    """Answers who has no cookie as it answers who is somebody, and refuses a session that it does not know."""

    def _answer(self, request: Request) -> Answer:
        is_wrong = request.headers.get("Cookie", "").endswith("wrong-token")
        return Answer(401, 0.001) if is_wrong else super()._answer(request)


def test_a_session_that_is_refused_says_nothing_of_none(tmp_path: Path) -> None:
    """So nothing that may change data is sent without one."""
    service = Strict({("GET", "/me"): 0})
    find(service, routes=(), schema=described(tmp_path, MINE, **TOKEN), headers={"Cookie": "id=right"})
    assert writes(service) == []


def test_a_service_that_does_not_answer_any_more_is_one_line() -> None:
    """With the last operation that was answered, which may have ended it."""
    routes = [("GET", f"/{name}") for name in "abcde"]
    silent = {("GET", f"/{name}"): 0 for name in "bcde"}
    with pytest.raises(CommandError, match=r"after GET /a; leave that out with --exclude '/a'"):
        find(Service(dict(silent)), routes=routes)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"include": ("/users/*",)}, ["GET /users/{id} 404", "TRACE /users/{id} 404"]),
        ({"exclude": ("TRACE *",)}, ["GET /users/{id} 404", "GET /{unknown} 404"]),
        ({"exclude": ("/users/*",)}, ["GET /{unknown} 404"]),
    ],
)
def test_paths_are_chosen_by_patterns(settings: Mapping[str, object], expected: list[str]) -> None:
    """Of the path, or of method and path."""
    assert names(find(Service(), routes=ROUTES[:1], **settings)) == expected


@pytest.mark.parametrize("chosen", ["list_users", "users", "list_*"])
def test_operations_are_chosen_by_their_id_and_their_tags(chosen: str, tmp_path: Path) -> None:
    """As a description has them; an exact name or a pattern."""
    users = {"get": {"operationId": "list_users", "tags": ["users"], "responses": {}}}
    schema = described(tmp_path, {"/users": users, "/items": {"get": {"responses": {}}}})
    included = find(Service(), routes=(), schema=schema, include=(chosen,))
    excluded = find(Service(), routes=(), schema=schema, exclude=(chosen,))
    assert names(included) == ["GET /users 404"]
    assert names(excluded) == ["GET /items 404", "TRACE /items 404", "GET /{unknown} 404"]


TOKEN = {
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "security": [{"token": []}],
}
EMPTY: dict[str, Any] = {"responses": {}}
ME = {"/me": {"get": EMPTY}}
MINE = {**ME, "/storage": {"delete": EMPTY}, "/items/{id}": {"put": EMPTY}}


def writes(service: Service) -> list[Request]:
    return [one for one in service.got if one.method in WRITES]


def test_without_credentials_it_asks_where_a_get_was_refused_for_that(tmp_path: Path) -> None:
    """With no header of the user's, be it a credential by its name or not, and no id but the one."""
    service = Service({("GET", "/me"): 401, ("DELETE", "/storage"): 401, ("PUT", "/items/999999999"): 404})
    headers = {"Authorization": "Bearer right", "X-Own-Token": "right"}
    plan = find(service, routes=(), schema=described(tmp_path, MINE, **TOKEN), headers=headers)
    assert {(one.method, one.path, *one.headers) for one in writes(service)} == {
        ("DELETE", "/storage"), ("PUT", "/items/999999999")
    }  # fmt: skip
    assert [name for name in names(plan) if not name.startswith(("GET", "TRACE"))] == ["DELETE /storage 401"]


@pytest.mark.parametrize("status", [200, 302, 404])
def test_where_a_get_is_not_refused_nothing_is_sent_without_credentials(status: int, tmp_path: Path) -> None:
    """Many a service is run without, for a test, whatever its description says."""
    service = Service({("GET", "/me"): status})
    plan = find(service, routes=(), schema=described(tmp_path, MINE, **TOKEN))
    assert writes(service) == []
    assert "2 operations that may change data were not tried; --writes tries them too" in plan.notes


@pytest.mark.parametrize("headers", [{"Accept": "text/html"}, {"User-Agent": "me", "Sec-Any": "1"}, {"X-Shop": "1"}])
def test_a_header_that_lets_nobody_in_does_not_hide_that_nothing_is_demanded(
    headers: Mapping[str, str], tmp_path: Path
) -> None:
    """What is open to all is seen to be, so one refusal for another reason opens nothing else."""
    paths = {**MINE, **DESCRIPTION["paths"]}
    service = Service({("GET", "/me"): 200, ("TRACE", "/me"): 405, ("POST", "/orders"): 403})
    find(service, routes=(), schema=described(tmp_path, paths, **TOKEN), headers=headers)
    assert {one.path for one in writes(service)} == {"/orders"}
    assert all(one.body for one in writes(service))


def test_the_users_own_answer_says_nothing_about_others(tmp_path: Path) -> None:
    """Whoever has a token that is not enough is refused with it."""
    service = Service({("GET", "/me"): [403, *[404] * 100]})
    find(service, routes=(), schema=described(tmp_path, MINE, **TOKEN), headers={"Authorization": "Bearer weak"})
    assert writes(service) == []


def test_one_that_accepts_what_it_has_to_refuse_ends_the_search_in_others(tmp_path: Path) -> None:
    """It is named; those that refused before are kept, and none is sent again to it."""
    post = DESCRIPTION["paths"]["/orders"]
    service = Service({("POST", "/a"): 422, ("POST", "/b"): 204, ("POST", "/c"): 422})
    plan = find(service, routes=(), schema=described(tmp_path, dict.fromkeys(["/a", "/b", "/c"], post)))
    assert plan.accepted_writes == ("POST /b 204",)
    assert [one.path for one in writes(service)] == ["/a", "/b", "/a"]
    assert "POST /a 422" in names(plan)


def test_once_one_accepts_at_the_second_time_no_other_is_tried_again(tmp_path: Path) -> None:
    """They all may: a body that was refused once has been looked at, and then is not."""
    post = DESCRIPTION["paths"]["/orders"]
    service = Service({("POST", "/a"): [422, 422, 201], ("POST", "/b"): [422, 201], ("POST", "/c"): [422, 201]})
    find(service, routes=(), schema=described(tmp_path, dict.fromkeys(["/a", "/b", "/c"], post)))
    assert [one.path for one in writes(service)] == ["/a", "/b", "/c", "/a", "/a"]


def test_one_scheme_that_is_demanded_says_nothing_of_another(tmp_path: Path) -> None:
    """Nor does a 403 where another of its operations was reached."""
    schemes = {name: {"type": "apiKey", "in": "header", "name": name} for name in ("a", "b")}
    guarded: dict[str, object] = {name: {"security": [{name: []}], "responses": {}} for name in ("a", "b")}
    paths = {"/mine": {"get": guarded["a"]}, "/jobs": {"post": guarded["b"]}, "/keys": {"post": guarded["a"]}}
    content = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths}
    file = tmp_path / "guarded.json"
    file.write_text(json.dumps({**content, "components": {"securitySchemes": schemes}}))
    service = Service({("GET", "/mine"): 401, ("POST", "/jobs"): 201, ("POST", "/keys"): 401})
    find(service, routes=(), schema=str(file))
    assert {one.path for one in writes(service)} == {"/keys"}


@pytest.mark.parametrize("schema", [{"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "object"}]}])
def test_a_body_that_may_be_a_text_is_never_broken(schema: object, tmp_path: Path) -> None:
    """However the description says so."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    service = Service({})
    find(service, routes=(), schema=described(tmp_path, {"/notes": {"post": {"requestBody": body, "responses": {}}}}))
    assert writes(service) == []


def test_one_that_accepts_at_the_second_time_is_no_error_path(tmp_path: Path) -> None:
    """Nor anything else of its operation."""
    service = Service({("POST", "/orders"): [422, 413, 413, 201]})
    plan = find(service, routes=(), schema=described(tmp_path, DESCRIPTION["paths"]))
    assert [name for name in names(plan) if "/orders" in name] == []
    assert len(writes(service)) == 4


def test_where_any_method_is_accepted_a_broken_body_is_not_trusted(tmp_path: Path) -> None:
    """What answers TRACE as it answers GET looks at neither, perhaps."""
    service = Service({("GET", "/me"): 200, ("TRACE", "/me"): 200, ("POST", "/orders"): 422})
    find(service, routes=(), schema=described(tmp_path, {**DESCRIPTION["paths"], **ME}))
    assert writes(service) == []


@pytest.mark.parametrize(("answer", "is_sent"), [(200, False), (405, True)])
def test_it_is_asked_also_where_only_others_are_included(*, answer: int, is_sent: bool, tmp_path: Path) -> None:
    """That question itself is no error path then."""
    service = Service({("TRACE", "/orders"): answer, ("POST", "/orders"): 422})
    paths = {**DESCRIPTION["paths"], **ME}
    plan = find(service, routes=(), schema=described(tmp_path, paths), include=("POST /*",))
    assert bool(writes(service)) == is_sent
    assert names(plan) == ["POST /orders 422"] * is_sent


@pytest.mark.parametrize(
    ("path", "settings", "trace"),
    [("/orders", {}, 0), ("/orders", {"requests": (Request("TRACE", "/orders"),)}, 200), ("/orders/cancel", {}, 405)],
)
def test_where_nothing_tells_whether_any_method_is_accepted_no_broken_body_is_sent(
    path: str, settings: Mapping[str, object], trace: int, tmp_path: Path
) -> None:
    """It was not answered, only what was named was, or the path says that it may change something by any method."""
    service = Service({("TRACE", path): trace, ("POST", path): 422})
    schema = described(tmp_path, {path: DESCRIPTION["paths"]["/orders"]})
    find(service, routes=(), schema=schema, **settings)
    assert writes(service) == []
    assert not any(one.path == "/orders/cancel" for one in service.got)


def test_a_list_asks_nothing_of_a_path_that_only_writes(tmp_path: Path) -> None:
    """Nothing depends on it."""
    service = Service({("TRACE", "/orders"): 405})
    settings = Settings(schema=described(tmp_path, DESCRIPTION["paths"]))
    Finder(Careful(service), settings, safe_only=True).find()
    assert {one.path for one in service.got} == {UNKNOWN_PATH}


def test_a_get_that_says_it_is_another_method_is_not_sent(tmp_path: Path) -> None:
    """A description may have such a header or query."""
    parameters = [
        {"name": name, "in": place, "required": True, "schema": {"type": "string", "enum": ["DELETE"]}}
        for name, place in [("_method", "query"), ("X-HTTP-Method-Override", "header")]
    ]
    service = Service()
    find(service, routes=(), schema=described(tmp_path, {"/me": {"get": {**EMPTY, "parameters": parameters}}}))
    assert [one for one in service.got if "_method" in one.path or "X-HTTP-Method-Override" in one.headers] == []
    assert any(one.path == "/me" for one in service.got)


LOGOUT = [("GET", "/logout"), ("GET", "/me")]


@pytest.mark.parametrize(
    ("settings", "is_sent"),
    [
        ({}, False),
        ({"include": ("/*",)}, False),
        ({"include": ("/logout",)}, True),
        ({"include": ("GET /logout",)}, True),
        ({"writes": True}, True),
    ],
)
def test_a_get_that_says_it_changes_something_is_named_and_left_out(
    *, settings: Mapping[str, object], is_sent: bool
) -> None:
    """Unless it was meant."""
    service = Service()
    plan = find(service, routes=LOGOUT, **settings)
    assert any(one.path == "/logout" for one in service.got) == is_sent
    assert any("left out, since they may change something: GET /logout;" in note for note in plan.notes) != is_sent


def test_a_get_that_changes_something_and_was_meant_gets_no_other_ids(tmp_path: Path) -> None:
    """Those that are made from the description may be real: 0 and 1."""
    of_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    paths = {"/users/{id}/delete": {"get": {**EMPTY, "parameters": [of_id]}}}
    service = Service()
    find(service, routes=(), schema=described(tmp_path, paths), include=("GET /users/{id}/delete",))
    assert {one.path for one in service.got} == {"/users/999999999/delete"}


def test_what_is_made_has_the_users_credentials(tmp_path: Path) -> None:
    """A description has its key as a header, which is then made, too: empty, or any text; a body keeps its kind."""
    key = {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}}
    post = {**DESCRIPTION["paths"]["/orders"]["post"], "security": [{"key": []}]}
    service = Service()
    schema = described(tmp_path, {"/orders": {"post": post}}, components=key)
    find(service, routes=(), schema=schema, headers={"x-api-key": "right", "Content-Type": "text/x-own"}, writes=True)
    made = [one.headers for one in service.got if one.body == b'{"item": 999999999}']
    assert {(one["x-api-key"], one["Content-Type"]) for one in made} == {("right", "application/json")}
    assert not any("X-API-Key" in one.headers for one in service.got)


def test_one_is_said_as_one(tmp_path: Path) -> None:
    """Of routes and of operations."""
    schema = described(tmp_path, {**ME, "/you": {"get": EMPTY}})
    of_routes, of_operations = find(Service(), routes=ROUTES[:1]), find(Service(), schema=schema, include=("/me",))
    assert any("1 route was read" in note for note in of_routes.notes)
    assert any("describes 2 operations, of which 1 was tried" in note for note in of_operations.notes)


def test_who_has_to_agree_is_told_before_anything_is_sent() -> None:
    """How many operations of which methods, at which address."""
    service, told = Service(), []

    def refuse(words: str) -> None:
        told.append(words)
        raise CommandError("no")

    routes = [Route(*one) for one in [*ROUTES, ("POST", "/users")]]
    finder = Finder(Careful(service), Settings(writes=True), routes, agree=refuse)
    with pytest.raises(CommandError):
        finder.find()
    assert service.got == []
    assert told == [
        "--writes: 1 DELETE and 2 POST operations at http://127.0.0.1:1 are tried again and again, and may change data"
    ]
