"""What is sent from a description that is hostile or merely odd: to the service alone, as whole requests, in time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import ItemsView, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from sadpath.check.driver import Driver
from sadpath.check.find import Plan
from sadpath.check.find.careful import Careful
from sadpath.check.find.cases import Making
from sadpath.check.find.paths import Finder
from sadpath.check.find.schema import Schema
from sadpath.check.settings import Settings
from tests.check.answering import NOT_FOUND, Server, serving
from tests.waiting import PATIENCE_S, until

OK: Mapping[str, Any] = {"responses": {"200": {"description": "ok"}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
ORDINARY = {"/a/{id}": {"get": {**OK, "parameters": [ID]}}}
ABSOLUTE = "http://127.0.0.1:9/absolute"


def described(paths: object = ORDINARY, **more: object) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **more}


def found(content: object) -> tuple[Plan, Server]:
    """What is found in a service with this description, which knows nothing else, and what that service got."""
    page = json.dumps(content).encode()

    def answer(head: bytes) -> bytes:
        if b" /openapi.json " not in head:
            return NOT_FOUND
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)

    with serving(answer) as server, Driver(server.url, timeout_s=PATIENCE_S) as driver:
        return Finder(Careful(driver), Settings()).find(), server


def lines(server: Server) -> list[str]:
    return [head.partition(b"\r\n")[0].decode() for head in server.heads]


def operations(plan: Plan) -> set[str]:
    return {path.path for path in plan.paths if path.method == "GET"} - {"/{unknown}"}


SENT = {
    "/x\r\nX-Injected: 1\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n": "/x%0D%0AX-Injected:",
    "/y y": "/y%20y",
    "/z\x00": "/z%00",
    "/\u2028é": "/%E2%80%A8%C3%A9",
    "/half\ud800": "/half%ED%A0%80",
    "/frag#x": "/frag%23x",
    "/esc\x1b]0;PWN\x07": "/esc%1B%5D0;PWN%07",
}
NOT_SENT = (
    *("", "noslash", ABSOLUTE, "//127.0.0.1:9/double", "@127.0.0.1:9/at", "/../etc/passwd", "/a/../b", "/%2E%2e/b"),
    *("/a\\..\\b", "/./b", "/" + "a" * 10_000_000),
)
FRAMING = ("Host", "Content-Length", "Transfer-Encoding", "Expect", "Connection")


def test_every_request_is_a_whole_one_for_the_service_itself() -> None:
    """Whatever the paths are: what no path can have is escaped, and an address or a way upwards is left out."""
    paths: dict[str, object] = {path: {"get": OK} for path in (*SENT, *NOT_SENT)}
    for path, names, value in (
        ("/framing", FRAMING, "5"),
        ("/evil", ["X-A"], "v\r\nEvil: 1"),
        ("/name", ["X\r\nEvil"], "5"),
    ):
        headers = [
            {"name": name, "in": "header", "schema": {"enum": ["ok", value]}, "required": True} for name in names
        ]
        paths[path] = {"get": {**OK, "parameters": headers}}
    plan, server = found(described(paths))
    assert all(re.fullmatch(r"[A-Z]+ /[!-~]* HTTP/1\.1", line) for line in lines(server))
    assert all(any(f"GET {path}" in line for line in lines(server)) for path in SENT.values())
    assert operations(plan) == {*SENT, "/framing", "/evil", "/name"}
    assert not re.search(rb"(?im)^evil|^(expect|transfer-encoding)|^x-injected", b"".join(server.heads))
    host = f"Host: {server.url.removeprefix('http://')}".encode()
    assert all(head.count(b"Host: ") == head.count(host) == 1 for head in server.heads)
    assert any(note.startswith("left out what is no path of the service: '', 'noslash', ") for note in plan.notes)
    assert not any(note.startswith("left out some requests") for note in plan.notes)
    assert max(map(len, plan.notes)) < 1000


SERVERS: tuple[tuple[object, str], ...] = (
    ({"url": "http://x/v1"}, ""),
    (5, ""),
    ("http://x/v1", ""),
    (None, ""),
    ([], ""),
    ([None], ""),
    ([{"url": 5}], ""),
    ([{"url": "http://[x/v1"}], ""),
    ([{"url": "http://x/\r\nEvil: 1"}], "/Evil: 1"),
    ([{"url": "/v1/"}, {"url": "/v2"}], "/v1"),
    ([{"url": "http://127.0.0.1:9/v1"}], "/v1"),
    ([{"url": "//127.0.0.1:9//v1"}], ""),
    ([{"url": "/../v1"}], ""),
    ([{"url": "https://{region}.x/v1"}], ""),
)


@pytest.mark.parametrize(("servers", "prefix"), SERVERS)
def test_servers_say_no_more_than_a_path(servers: object, prefix: str) -> None:
    """Where the service is, we know better; what is no path is none."""
    assert Schema("", described(servers=servers)).prefix == prefix


def test_no_server_of_a_description_is_asked() -> None:
    """Neither its own, nor that of a path or an operation: all requests come to the service."""
    with serving() as other:
        servers = [{"url": f"{other.url}/v1"}]
        paths = {"/a": {"get": {**OK, "servers": servers}, "servers": servers}, "/b": {"get": OK}}
        plan, _ = found(described(paths, servers=servers))
    assert operations(plan) == {"/v1/a", "/v1/b"}
    assert other.heads == []


def many(keys: int) -> dict[str, object]:
    """Schemas, the last of which, L3, stands for `keys` to the power of 3 values."""
    names = [f"key{number}" for number in range(keys)]
    levels = {
        f"L{i + 1}": {
            "type": "object",
            "required": names,
            "properties": {name: {"$ref": f"#/components/schemas/L{i}"} for name in names},
        }
        for i in range(3)
    }
    return {"L0": {"type": "string"}, **levels}


def body(name: str) -> dict[str, object]:
    return {
        **OK,
        "requestBody": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}},
    }


def test_requests_are_made_of_what_contains_itself() -> None:
    """As of any other: a tree is an ordinary type."""
    tree = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Tree"}}}
    circles = {
        "A": {"allOf": [{"$ref": "#/components/schemas/B"}]},
        "B": {"allOf": [{"$ref": "#/components/schemas/A"}]},
    }
    schemas = {"Tree": tree, "Self": {"$ref": "#/components/schemas/Self"}, **circles}
    paths = {f"/{name}": {"post": body(name)} for name in schemas}
    made = Making(Schema("", described({**paths, **ORDINARY}, components={"schemas": schemas})))
    assert {"/Tree", "/a/{id}"} <= {case.template for case in made}


def test_an_operation_that_takes_too_long_does_not_spoil_the_rest() -> None:
    """It is left out by itself."""
    paths = {"/bomb": {"post": body("L3")}, **ORDINARY}
    making = Making(Schema("it", described(paths, components={"schemas": many(60)})))
    assert "/a/{id}" in {case.template for case in making}
    assert making.notes == ["left out some requests to POST /bomb: it took more than 3 s of CPU time"]


def test_large_values_are_not_made() -> None:
    """Strings of gigabytes are never sent, nor do they take that memory."""
    large = {"type": "array", "minItems": 2_000_000_000, "items": {"type": "string", "minLength": 2_000_000_000}}
    query = {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 500_000_000}}
    paths = {"/l": {"post": body("L")}, "/q": {"get": {**OK, "parameters": [query]}}, **ORDINARY}
    made = list(Making(Schema("", described(paths, components={"schemas": {"L": large}}))))
    assert "/a/{id}" in {case.template for case in made}
    assert max(len(case.request.body) + len(case.request.path) for case in made) < 1 << 16


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process is limited to")
def test_the_process_that_makes_requests_is_limited_and_ends_with_its_parent() -> None:
    """Two GiB of memory, and ten seconds of CPU time more than its time; also where the parent is killed."""
    bombs = {f"/bomb{number}": {"post": body("L3")} for number in range(30)}
    content = json.dumps(described(bombs, components={"schemas": many(60)}))
    ours = f"import json; from sadpath.check.find.cases import *; list(Making(Schema('', json.loads({content!r}))))"
    parent = subprocess.Popen([sys.executable, "-c", ours])
    try:
        until(psutil.Process(parent.pid).children, PATIENCE_S, "the process that makes requests")
        (child,) = (one.pid for one in psutil.Process(parent.pid).children())
        until(
            lambda: limits(child) >= {"Max data size": str(2 << 30), "Max cpu time": "70"}.items(), PATIENCE_S, "limits"
        )
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not is_running(child), PATIENCE_S, "its end")


def limits(pid: int) -> ItemsView[str, str]:
    """The soft limits of a process, by their names."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:47].strip() for line in lines}.items()


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
