"""Where a service's description is found that nobody has named, and what is asked for on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import pytest

from sadpath.check.find.published import MOST_REQUESTS, published_schema
from tests.check.answering import Server, serving

OK: Mapping[str, object] = {"get": {"responses": {"200": {"description": "ok"}}}}
Answers = Mapping[str, bytes | str]


def described(*paths: str) -> bytes:
    """A description of these paths, one operation each."""
    return json.dumps(
        {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": dict.fromkeys(paths, OK)}
    ).encode()


def answer(status: str, content: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


def service(answers: Answers) -> AbstractContextManager[Server]:
    """Answers these addresses with a page; one that is a text moves to there, and others are unknown."""

    def answered(head: bytes) -> bytes:
        page = answers.get(head.split()[1].decode())
        if page is None:
            return answer("404")
        return answer("200", page) if isinstance(page, bytes) else answer("308", b"", f"Location: {page}")

    return serving(answered)


def asked(server: Server) -> list[str]:
    return [head.split()[1].decode() for head in server.heads]


def found(answers: Answers, routes: Sequence[tuple[str, str]] = ()) -> str:
    """Where the description of a service was found; empty where none was."""
    with service(answers) as server:
        schema = published_schema(server.url, {}, routes)
    return schema.where if schema else ""


@pytest.mark.parametrize(
    "place",
    [
        "/openapi.json",
        "/swagger.json",
        "/api/openapi.json",
        "/v1.0/openapi.json",
        "/api/v2/openapi.json",
        "/api/schema/?format=json",
        "/schema/openapi.json",
        "/docs/openapi.json",
        "/swagger/?format=openapi",
        "/api/docs/swagger.json",
        "/v1/__api__",
        "/api",
    ],
)
def test_a_description_is_found_where_generators_put_it(place: str) -> None:
    """Each has a place of its own, which few people change."""
    assert found({place: described("/a")}) == place


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("SwaggerUIBundle({url: '/deep/openapi.json', dom_id: '#it'})", "/deep/openapi.json"),
        ('{"urls": [{"name": "v2", "url": "..\\/v2\\/api-docs"}]}', "/v2/api-docs"),
        ("<redoc spec-url='spec.yaml'></redoc>", "/docs/spec.yaml"),
        ("<a href=/deep/schema/json/>API</a>", "/deep/schema/json/"),
        ('url: "/deep/schema/?format\\u003Djson"', "/deep/schema/?format=json"),
        ('<a href="/deep/schema?a=1&amp;format=json">', "/deep/schema?a=1&format=json"),
        ('<script src="/static/drf-yasg/swagger-ui-init.js">', "/docs/?format=openapi"),
    ],
)
def test_a_description_is_found_by_the_page_that_shows_it(page: str, place: str) -> None:
    """Which has its address in a script or a link, and may have moved itself."""
    assert found({"/docs": "/docs/", "/docs/": f"<html>{page}".encode(), place: described("/a")}) == place


def test_a_service_whose_every_address_has_moved_is_asked_for_all() -> None:
    """As one that has its version in front."""

    def moved(head: bytes) -> bytes:
        path = head.split()[1].decode()
        if path.startswith("/v7/"):
            return answer("200", described("/a")) if path == "/v7/swagger/v1/swagger.json" else answer("404")
        return answer("307", b"", f"Location: /v7{path}")

    with serving(moved) as server:
        schema = published_schema(server.url, {})
    assert schema
    assert schema.where == "/v7/swagger/v1/swagger.json"


def test_a_page_may_lead_to_the_page_that_shows_it() -> None:
    """As the first page of a service does, and as Swagger UI does to the script that has the address."""
    pages: Answers = {
        "/": b"<a href='/help/docs'>API</a>",
        "/help/docs": b"<script src='./swagger-initializer.js'></script>",
        "/help/swagger-initializer.js": b'window.ui = SwaggerUIBundle({url: "../deep/openapi.yaml"})',
        "/deep/openapi.yaml": described("/a"),
    }
    assert found(pages) == "/deep/openapi.yaml"


def test_a_description_is_found_by_the_routes_of_the_app() -> None:
    """Also where the route has a parameter for the format, and not by one that another method has."""
    routes = [("POST", "/deep/openapi.json"), ("GET", "/deep/{id}"), ("GET", "/deep/swagger{format}")]
    pages: Answers = {f"/deep/{name}.json": described("/a") for name in ("openapi", "swagger")}
    assert found(pages, routes) == "/deep/swagger.json"


def test_of_several_descriptions_the_largest_is_taken_and_the_others_are_named() -> None:
    """Of an app and what is mounted in it; the same at two addresses is one."""
    pages: Answers = {
        "/openapi.json": described("/a"),
        "/deep/openapi.json": described("/a", "/b", "/c"),
        "/api/openapi.json": described("/a", "/b"),
        "/docs/openapi.json": described("/a", "/b", "/c"),
    }
    notes: list[str] = []
    with service(pages) as server:
        schema = published_schema(server.url, {}, [("GET", "/deep/openapi.json")], notes.append)
    assert schema
    assert schema.where == "/deep/openapi.json"
    others = "'/api/openapi.json (2 operations)', '/openapi.json (1 operation)'"
    hint = f"--schema {server.url}/api/openapi.json checks the first"
    assert notes == [f"also published, and left out: {others}; {hint}"]


def test_links_are_asked_only_of_the_service_and_only_where_that_changes_nothing() -> None:
    """With the user's credentials, a link to `logout` would end them."""
    with serving() as other:
        links = [f"{other.url}/openapi.json", "/docs/logout", "/docs?action=delete", "/docs?_method=PUT", "//["]
        page = " ".join(f'"{link}"' for link in [*links, "/deep/docs"]).encode()
        with service({"/docs": b"<" + page}) as server:
            assert published_schema(server.url, {"Authorization": "Bearer secret"}) is None
    assert other.heads == []
    assert "/deep/docs" in asked(server)
    assert not any(word in path for path in asked(server) for word in ("logout", "delete", "PUT"))


def test_a_service_that_answers_everything_with_links_is_asked_a_bounded_number_of_times() -> None:
    """Each page of it has others."""

    def endless(head: bytes) -> bytes:
        path = head.split()[1].decode()
        return answer("200", "".join(f"<a href='{path}{number}/docs'>" for number in range(100)).encode())

    with serving(endless) as server:
        assert published_schema(server.url, {}) is None
    assert len(server.heads) == MOST_REQUESTS


def test_a_page_for_every_address_is_no_broken_description() -> None:
    """As of an app in one page, which is what an address is that only the browser knows."""
    notes: list[str] = []
    with serving(lambda _: answer("200", b"<!doctype html><script src=/index.js></script>")) as server:
        assert published_schema(server.url, {}, (), notes.append) is None
    assert notes == []


def test_a_service_that_does_not_answer_is_asked_once() -> None:
    """The others would not be answered either, and each would be waited for."""
    with serving(lambda _: b"") as server:
        assert published_schema(server.url, {}) is None
    assert asked(server) == ["/openapi.json"]


def test_a_description_is_asked_for_with_the_users_headers() -> None:
    """Without them a service that keeps it to itself says so."""

    def guarded(head: bytes) -> bytes:
        if b" /openapi.json " not in head:
            return answer("404")
        return answer("200", described("/a")) if b"Authorization: Bearer right" in head else answer("401")

    notes: list[str] = []
    with serving(guarded) as server:
        assert published_schema(server.url, {"Authorization": "Bearer right"})
        assert published_schema(server.url, {}, (), notes.append) is None
    assert notes == [
        "/openapi.json was refused, and may be a description; give a token in [headers], or name a file with --schema"
    ]
