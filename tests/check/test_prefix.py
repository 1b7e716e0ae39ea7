"""Below which prefix a service has the paths of its description, whatever that says, and what is asked to see it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from sadpath.check.driver import Driver
from sadpath.check.find.careful import Careful
from sadpath.check.find.paths import Finder
from sadpath.check.find.prefix import TRIED, at_its_prefix
from sadpath.check.find.schema import Schema
from sadpath.check.settings import Settings
from tests.check.answering import NOT_FOUND, Server, serving
from tests.waiting import PATIENCE_S

PATHS = ("/flows", "/runs", "/runs/{id}", "/work/queues", "/logs", "/logs/{id}/lines", "/auth/logout", "/admin")
ROUTED = [("GET", "/odd" + path.replace("{id}", "{it}")) for path in PATHS]


def described(servers: str = "", address: str = "") -> Schema:
    """A description of these paths, whose servers say this prefix, and which was found at this address."""
    operation = {"get": {"responses": {"200": {"description": "ok"}}}}
    content = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": dict.fromkeys(PATHS, operation)}
    return Schema("it", {**content, "servers": [{"url": servers}]} if servers else content, address=address)


def answer(status: int, content: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n{content}".encode()


def service(prefix: str, status: int = 200, page: str = "") -> AbstractContextManager[Server]:
    """Has the paths below the prefix, answers with this status there, and knows no other but that of the page."""

    def answered(head: bytes) -> bytes:
        path = head.split()[1].decode()
        if path == "/openapi.json" and page:
            return answer(200, page)
        is_known = any(path == prefix + known.replace("{id}", "1") for known in PATHS)
        return answer(status, "[]") if is_known else NOT_FOUND

    return serving(answered)


def moved(server: Server, schema: Schema, routes: Sequence[tuple[str, str]] = ()) -> Schema:
    """The description at its prefix; all is wanted but one path."""
    return at_its_prefix(schema, server.url, {}, routes, lambda _, own, __: "admin" not in own)


def asked(server: Server) -> list[str]:
    return [head.split()[1].decode() for head in server.heads]


@pytest.mark.parametrize(
    ("says", "address", "prefix"),
    [
        ("", "", "/api"),
        ("/v9", "", ""),
        ("https://shop.example/v9", "", "/v1"),
        ("", "/deep/er/openapi.json", "/deep/er"),
        ("", "/deep/schema/?format=json", "/deep"),
        ("/v2", "/deep/openapi.json", "/deep/v2"),
    ],
)
def test_another_prefix_is_taken_where_the_service_knows_no_path(says: str, address: str, prefix: str) -> None:
    """That of the description's own address, or a usual one; a note says so."""
    with service(prefix) as server:
        schema = moved(server, described(says, server.url + address if address else ""))
    assert schema.prefix == prefix
    below = says.removeprefix("https://shop.example") or "/"
    known = f"5 of 5 that were tried are below {prefix or '/'}"
    assert schema.notes == (f"the service does not know the paths of it below {below}; {known}",)


@pytest.mark.parametrize("status", [200, 204, 302, 401, 405, 422, 500])
def test_a_prefix_is_right_where_the_service_knows_the_paths(status: int) -> None:
    """Whatever it answers them with; little is asked then, and nothing that may change something or is not wanted."""
    with service("/v1", status) as server:
        schema = moved(server, described("/v1"))
    assert schema == replace(described("/v1"), below="/v1")
    assert len(asked(server)) == 2 + TRIED
    assert {path.rpartition("/")[2] for path in asked(server)}.isdisjoint({"logout", "admin"})


@pytest.mark.parametrize("excluded", ["work", "/work/*", "/api/work/*"])
def test_what_is_excluded_is_asked_below_no_prefix(excluded: str) -> None:
    """By its tag, its path in the description, or that at which it is then found."""
    content = json.loads(json.dumps(described().content))
    content["paths"]["/work/queues"]["get"]["tags"] = ["work"]
    with service("/api", 200, json.dumps(content)) as server, Driver(server.url, timeout_s=PATIENCE_S) as driver:
        Finder(Careful(driver), Settings(exclude=(excluded,))).find()
    assert {"/api/flows"} <= {*asked(server)}
    assert "/api/work/queues" not in asked(server)


def test_without_an_operation_to_ask_for_nothing_is_asked() -> None:
    """A path that no service knows would tell nothing by itself."""
    with service("/api") as server:
        at_its_prefix(described(), server.url, {}, (), lambda *_: False)
    assert asked(server) == []


def test_the_routes_of_the_app_say_which_prefix_is_right() -> None:
    """Without any request where it is that of the description, and where the answers tell nothing."""
    right = [(method, path.replace("/odd", "/v1")) for method, path in ROUTED]
    with serving(lambda _: answer(401, "")) as server:
        assert moved(server, described("/v1"), right) == described("/v1")
        assert asked(server) == []
        schema = moved(server, described("/v1"), ROUTED)
    assert schema.prefix == "/odd"
    assert schema.notes == ("the service does not know the paths of it below /v1; the app's routes are below /odd",)


def test_a_path_that_is_unknown_and_one_of_which_nothing_is_there_are_told_apart_by_what_they_say() -> None:
    """Both may be answered with 404."""

    def answered(head: bytes) -> bytes:
        path = head.split()[1].decode()
        return answer(404, '{"detail": "no such run"}' if path.startswith("/api/runs") else '{"detail": "Not Found"}')

    with serving(answered) as server:
        assert moved(server, described()).prefix == "/api"


def test_an_answer_that_says_something_else_each_time_tells_nothing() -> None:
    """As a page that draws a text: all paths would else look as if they were known, and the routes were not asked."""
    words = itertools.count()
    with serving(lambda _: answer(200, "x" * next(words))) as server:
        assert moved(server, described(), ROUTED).prefix == "/odd"


@pytest.mark.parametrize("same", [answer(200, ""), b""])
def test_a_prefix_stays_where_the_answers_do_not_tell(same: bytes) -> None:
    """As in a service that answers all alike, unknown paths too, and in one that does not answer."""
    with serving(lambda _: same) as server:
        schema = moved(server, described("/v1"))
    assert (schema.prefix, schema.notes) == ("/v1", ())


def test_a_description_of_another_service_is_noticed() -> None:
    """All of its paths are unknown, wherever they are looked for."""
    with serving() as server:
        schema = moved(server, described())
    assert schema.notes == ("the service does not know the paths of it; if they lack a prefix, add that to --url",)


def test_a_service_is_checked_at_its_prefix() -> None:
    """Also with the requests that are made from the description."""
    page = json.dumps(described().content)
    with service("/api", 500, page) as server, Driver(server.url, timeout_s=PATIENCE_S) as driver:
        plan = Finder(Careful(driver), Settings()).find()
    assert {path.path for path in plan.paths if path.status == 500} >= {"/api/flows", "/api/runs", "/api/admin"}
    assert all(path.request.path.startswith(("/api/", "/sadpath")) for path in plan.paths)
