"""How a description is read: as plain JSON of a bounded size, whose references lead nowhere but into it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sadpath.check.find.cases import Making
from sadpath.check.find.description import DEEPEST, Description, Web, parsed
from sadpath.check.find.published import published_schema
from sadpath.check.find.schema import Schema, named_schema
from sadpath.errors import CommandError, Status
from tests.check.answering import Server, endless, serving

OK: Mapping[str, Any] = {"responses": {"200": {"description": "ok"}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
HEAD = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\n"
PATHS = "paths: {/x: {get: {responses: {200: {description: x}}}}}\n"


def described(paths: object, **more: object) -> bytes:
    """A description with these paths."""
    return json.dumps({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **more}).encode()


def read(folder: Path, page: bytes | str) -> Schema:
    """Read it from a file in the folder `api`."""
    (folder / "api").mkdir(exist_ok=True)
    file = folder / "api" / "openapi.yaml"
    file.write_bytes(page.encode() if isinstance(page, str) else page)
    return named_schema(str(file), {}, "")


def operations(schema: Schema) -> list[tuple[str, str]]:
    return [(method, template) for method, template, _ in schema.operations()]


def pages(**contents: bytes) -> Any:
    """Serve these pages, by the name before their dot; the description is `openapi`."""

    def answer(head: bytes) -> bytes:
        name = head.split()[1].decode().rpartition("/")[2].partition(".")[0]
        page = contents.get(name)
        status = b"404 Not Found" if page is None else b"200 OK"
        return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(page or b""), page or b"")

    return serving(answer)


def asked(server: Server) -> list[str]:
    return [head.split()[1].decode() for head in server.heads]


REFERENCES = (
    {"$ref": "{to}"},
    {"get": {**OK, "parameters": [{"$ref": "{to}#/x"}]}},
    {"get": {**OK, "parameters": [{"name": "q", "in": "query", "schema": {"$ref": "{to}#/x"}}]}},
    {"get": {**OK, "parameters": [{"name": "q", "in": "query", "examples": {"a": {"externalValue": "{to}"}}}]}},
    {"get": {**OK, "parameters": [{"name": "q", "in": "query", "schema": {"$schema": "{to}", "type": "string"}}]}},
    {"get": {**OK, "parameters": [{"name": "q", "in": "query", "schema": {"$id": "{to}", "$ref": "#/x"}}]}},
    {"get": {**OK, "parameters": [{"name": "q", "in": "query", "schema": {"$dynamicRef": "{to}"}}]}},
    {"post": {**OK, "requestBody": {"$ref": "{to}"}}},
    {"post": {**OK, "requestBody": {"content": {"application/json": {"schema": {"allOf": [{"$ref": "{to}"}]}}}}}},
    {"get": {"responses": {"200": {"description": "ok", "links": {"a": {"operationRef": "{to}"}}}}}},
    {"get": {"responses": {"200": {"$ref": "{to}"}}}},
)


def refer(to: str) -> bytes:
    """A description that refers to the same from everywhere that the standard knows."""
    text = json.dumps({f"/p{number}": item for number, item in enumerate(REFERENCES)})
    return described(json.loads(text.replace("{to}", to)), jsonSchemaDialect=to)


def test_no_other_host_is_asked_whatever_the_description_says() -> None:
    """Neither when it is read nor when requests are made from it, and a note has the address."""
    with serving() as other, pages(openapi=refer(f"{other.url}/x.json")) as service:
        schema = published_schema(service.url, {"Authorization": "Bearer secret"})
        assert schema
        list(Making(schema))
    assert other.heads == []
    assert any(f"{other.url}/x.json" in note for note in schema.notes)


WAYS = ("file://{0}", "file://./{0}", "{0}", "../secret.json", "%2e%2e/secret.json", "link.json", "/../../..{0}")


def test_no_file_elsewhere_is_read(tmp_path: Path) -> None:
    """By no way of writing it, nor by a link; its value is in no request."""
    (tmp_path / "secret.json").write_text(json.dumps({"x": {"enum": ["t0psecret"]}, "enum": ["t0psecret"]}))
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "link.json").symlink_to(tmp_path / "secret.json")
    paths: dict[str, object] = {}
    for number, way in enumerate(WAYS):
        described_so = json.loads(refer(way.format(tmp_path / "secret.json")))["paths"]
        paths |= {f"/{number}{path}": item for path, item in described_so.items()}
    schema = read(tmp_path, described(paths))
    assert "t0psecret" not in str(schema)
    assert "t0psecret" not in str(list(Making(schema)))
    assert any("lead out of the description" in note for note in schema.notes)


def test_a_file_below_its_own_folder_is_read(tmp_path: Path) -> None:
    """Also one that refers to another, and back: a description in several files is an ordinary one."""
    (tmp_path / "api" / "parts").mkdir(parents=True)
    (tmp_path / "api" / "parts" / "users.yaml").write_text(
        json.dumps({"get": {**OK, "parameters": [{"$ref": "../openapi.yaml#/components/parameters/Id"}]}})
    )
    (tmp_path / "api" / "order.yaml").write_text(json.dumps({**OK, "requestBody": {"$ref": "#/body"}, "body": BODY}))
    paths = {"/users/{id}": {"$ref": "./parts/users.yaml"}, "/orders": {"post": {"$ref": "order.yaml"}}}
    schema = read(tmp_path, described(paths, components={"parameters": {"Id": ID}}))
    assert operations(schema) == [("GET", "/users/{id}"), ("POST", "/orders")]
    users, orders = (operation for _, _, operation in schema.operations())
    assert users["parameters"] == [ID]
    assert orders["requestBody"] == BODY
    making = Making(schema)
    assert {case.template for case in making} == {"/users/{id}", "/orders"}
    assert (making.notes, schema.notes) == ([], ())


BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object", "required": ["x"]}}}}


def test_a_page_below_its_own_address_is_read() -> None:
    """With the headers that the description itself was read with."""
    with pages(openapi=described({"/a": {"$ref": "parts/a.json"}}), a=json.dumps({"get": OK}).encode()) as service:
        schema = named_schema(f"{service.url}/api/openapi.json", {"X-Shop": "1"}, service.url)
    assert asked(service) == ["/api/openapi.json", "/api/parts/a.json"]
    assert all(b"X-Shop: 1" in head for head in service.heads)
    assert operations(schema) == [("GET", "/a")]


def test_a_path_that_stands_elsewhere_in_the_description_is_found(tmp_path: Path) -> None:
    """A path item may be a reference, since OpenAPI 3.1 to one of the components; in a circle it is none."""
    components = {"pathItems": {"A": {"get": {**OK, "parameters": [ID]}}, "C": {"$ref": "#/components/pathItems/C"}}}
    paths = {f"/{name.lower()}/{{id}}": {"$ref": f"#/components/pathItems/{name}"} for name in "ABC"}
    schema = read(tmp_path, described(paths, components=components))
    assert operations(schema) == [("GET", "/a/{id}")]
    assert schema.notes == ("left out what is described nowhere that is read: '/b/{id}', '/c/{id}'",)
    assert {case.template for case in Making(schema)} == {"/a/{id}"}


def test_an_operation_whose_reference_leads_nowhere_is_named(tmp_path: Path) -> None:
    """Where a file is missing, a note says so of what needs it."""
    paths = {"/a": {"get": OK, "post": {"$ref": "post.yaml"}}, "/b": {"$ref": "gone.yaml"}, "/c": None}
    schema = read(tmp_path, described(paths))
    assert operations(schema) == [("GET", "/a")]
    assert schema.notes[-1] == "left out what is described nowhere that is read: 'POST /a', '/b', '/c'"


def test_the_methods_of_openapi_3_2_are_read() -> None:
    """`QUERY` has a field of its own, any other may stand beside; requests are made of what schemathesis knows."""
    others = {"COPY": OK, "GET": OK, "CONNECT": OK, "X\r\nEvil": OK}
    get = {**OK, "parameters": [{**ID, "in": "query"}]}
    content = json.loads(described({"/a": {"get": get, "query": get, "additionalOperations": others}}))
    schema = Schema("", content | {"openapi": "3.2.0"})
    assert operations(schema) == [("GET", "/a"), ("QUERY", "/a"), ("COPY", "/a")]
    assert {case.method for case in Making(schema)} == {"GET", "QUERY"}


def test_headers_go_to_the_service_alone() -> None:
    """Not to another origin that has its description."""
    with pages(openapi=described({"/a": {"get": OK}})) as other:
        named_schema(f"{other.url}/openapi.json", {"Authorization": "Bearer secret"}, "http://127.0.0.1:1")
    (head,) = other.heads
    assert b"secret" not in head


def test_a_refusal_says_that_the_headers_did_not_go_along() -> None:
    """`localhost` and 127.0.0.1 are two origins: a token that is missed is easily put right."""
    with (
        serving() as other,
        pytest.raises(CommandError, match=r"with 404; your \[headers\] go to http://127.0.0.1:1 alone$"),
    ):
        named_schema(f"{other.url}/openapi.json", {"X-Shop": "1"}, "http://127.0.0.1:1")


def test_the_user_of_an_address_goes_there_and_is_shown_nowhere() -> None:
    """As basic credentials, as of any program that takes such an address."""
    with pages(openapi=described({"/a": {"get": OK}})) as other:
        schema = named_schema(f"{other.url.replace('//', '//me:s3cret@')}/openapi.json", {}, "")
        assert b"Authorization: Basic bWU6czNjcmV0\r\n" in other.heads[0]
        assert schema.where == f"{other.url}/openapi.json"
        with pytest.raises(CommandError) as wrong:
            named_schema(f"{other.url.replace('//', '//me:s3cret@')}/none.json", {}, "")
    assert "s3cret" not in wrong.value.message


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("x-a: 2024-01-31", "2024-01-31"),
        ("x-a: 2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("x-a: on", "on"),
        ("x-a: true", True),
        ("x-a: {2: one, true: yes, ~: none}", {"2": "one", "true": "yes", "null": "none"}),
        ("x-a: .inf", "inf"),
        ("x-a: !!binary aGk=", "b'hi'"),
        ("x-b: &b [1]\nx-a: [*b, *b]", [[1], [1]]),
        ("x-b: &b {c: 1}\nx-a: {<<: *b, d: 2}", {"c": 1, "d": 2}),
    ],
)
def test_yaml_is_read_as_json_has_it(content: str, value: object, tmp_path: Path) -> None:
    """A date that is not quoted is text."""
    assert read(tmp_path, f"{HEAD}{PATHS}{content}\n").content["x-a"] == value


BOMB = "x-0: &a0 [lol, lol]\n" + "".join(f"x-{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
MERGED = BOMB.replace("[lol, lol]", "{a: 1, b: 2}").replace("[*", "{<<: [*").replace("]\n", "]}\n")


NO_DESCRIPTIONS: list[Any] = [
    (f"{HEAD}{BOMB}{PATHS}", "it has more than 3,000,000 values"),
    (f"{HEAD}{MERGED}{PATHS}", "it has more than 3,000,000 values"),
    (f"{HEAD}x-a: &a\n  b: *a\n{PATHS}", "its YAML alias 'a' contains itself"),
    (f"{HEAD}x-a: &a\n  b: &a\n    c: *a\n{PATHS}", "its YAML alias 'a' contains itself"),
    ('{"openapi": "3.0.0", "paths":' + "[" * 200_000 + "]" * 200_000 + "}", f"deeper than {DEEPEST} levels"),
    ('{"openapi": "3.0.0", "paths":' + "[" * 900 + "]" * 900 + "}", f"deeper than {DEEPEST} levels"),
    (f"{HEAD}x-a: {'[' * 500}{']' * 500}\n{PATHS}", f"deeper than {DEEPEST} levels"),
    (f"{HEAD}x-a: !!timestamp foo\n{PATHS}", "a value of its YAML does not fit its tag"),
    (f"{HEAD}x-a: !!bool foo\n{PATHS}", "a value of its YAML does not fit its tag"),
    (f"{HEAD}x-a: !!python/name:os.system\n{PATHS}", "it is neither JSON nor YAML"),
    ("{broken", "it is neither JSON nor YAML"),
    ("hello", "it has no paths"),
    ("\n<!doctype html><p>", "it is a page of HTML; name the JSON or YAML that it shows"),
    ("\x00", "it is neither JSON nor YAML"),
    ("{}", "it has no paths"),
    ('{"paths": {}}', "it does not say which version of OpenAPI it is"),
    ('{"openapi": "4.0.0", "paths": {}}', "it is of version '4.0.0'; versions 2 and 3 are read, so convert it"),
    ('{"swaggerVersion": "1.2", "apis": []}', "it is of version '1.2'; versions 2 and 3 are read, so convert it"),
    pytest.param("[" + "1," * 3_000_000 + "1]", "it has more than 3,000,000 values", marks=pytest.mark.slow),
    ("[" + "[]," * 1_000_000 + "[]]", "it has more than 1,000,000 brackets"),
    ("{broken" + " " * (9 << 20), "it is not JSON; YAML is read up to 8 MiB, so convert it to JSON"),
    ('"' + "x" * (33 << 20) + '"', "larger than 32 MiB"),
]
"""What is no description, or too large a one, and what is said of it."""


@pytest.mark.parametrize(
    ("page", "reason"),
    NO_DESCRIPTIONS,
    ids=lambda value: value[:30] if len(value) < 2000 else "large",
)
def test_what_is_no_description_or_too_large_a_one_is_one_line(page: str, reason: str, tmp_path: Path) -> None:
    """With what is wrong, and the limit."""
    with pytest.raises(CommandError) as wrong:
        read(tmp_path, page)
    assert wrong.value.exit_code == Status.WRONG_COMMAND
    assert reason in wrong.value.message
    assert "\n" not in wrong.value.message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nor is a device, which never ends."""
    os.mkfifo(tmp_path / "pipe")
    for name in (str(tmp_path / "pipe"), "/dev/zero", str(tmp_path)):
        with pytest.raises(CommandError, match=r"cannot read the schema .*: (it is not a regular file|Is a directory)"):
            named_schema(name, {}, "")


def test_a_description_that_does_not_come_to_its_end_is_given_up_in_time() -> None:
    """Whatever comes of it, and a byte now and then is no progress."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"
    with (
        serving(lambda _: endless(head, b" ", 0.02)) as server,
        pytest.raises(OSError, match=r"^it did not come within 0\.[0-9]* s$"),
    ):
        Description(Web(f"{server.url}/openapi.json", {}), within_s=0.3)


def test_what_a_description_refers_to_is_asked_only_where_that_changes_nothing() -> None:
    """A reference is followed with the user's credentials: one to `logout` would end them."""
    paths = {f"/{name}": {"$ref": to} for name, to in enumerate(("./logout", "./a?_method=DELETE", "./users/delete"))}
    with pages(openapi=described(paths)) as service:
        schema = named_schema(f"{service.url}/openapi.json", {"Authorization": "Bearer secret"}, service.url)
    assert asked(service) == ["/openapi.json"]
    assert any("lead out of the description" in note for note in schema.notes)


def test_the_reason_is_told_where_a_service_has_a_description_that_cannot_be_read() -> None:
    """It would else be checked as one without a description, and nobody knows why."""
    notes: list[str] = []
    with pages(openapi=b'{"openapi": "3.0.0", "paths": 3}') as service:
        assert published_schema(service.url, {}, (), notes.append) is None
    assert notes == ["/openapi.json is no OpenAPI description that can be read: it has no paths"]


def test_json_is_read_in_any_encoding_that_it_may_have() -> None:
    """Also with a mark at its beginning."""
    assert parsed('{"a": "é"}'.encode("utf-16")) == {"a": "é"}
    assert parsed(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
