"""What is one error path: an operation, a status, and what the answers say; or a request that was named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.check.driver import Answer, Driver, Request
from sadpath.check.find import Plan
from sadpath.check.find.candidates import Candidate
from sadpath.check.find.careful import Careful
from sadpath.check.find.errors import MOST_ERRORS_OF_A_STATUS, each_error
from sadpath.check.find.paths import Finder
from sadpath.check.routes import Route
from sadpath.check.settings import Settings
from sadpath.check.shape import Shape
from tests.check.answering import Server, serving
from tests.check.conftest import HERE, check

ME = [Route("GET", "/me")]


def answering(answer: Callable[[str, bytes], tuple[int, object]]) -> AbstractContextManager[Server]:
    """A service that answers with a status and a JSON, by the method and path, and the head; it has no description."""

    def answered(head: bytes) -> bytes:
        asked = b" ".join(head.split(maxsplit=2)[:2]).decode()
        status, content = (404, "unknown") if "/openapi" in asked or "/swagger" in asked else answer(asked, head)
        body = json.dumps({"detail": content}).encode()
        kind = b"Content-Type: application/json\r\n"
        return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n" % (status, kind, len(body)) + body

    return serving(answered)


def find(server: Server, routes: Sequence[Route] = ME, **settings: object) -> Plan:
    """The plan for a service with these routes."""
    with Driver(server.url) as driver:
        return Finder(Careful(driver), Settings(**settings), routes).find()  # type: ignore[arg-type]  # its fields


def names(plan: Plan, method: str = "GET /me") -> list[str]:
    return [path.name for path in plan.paths if path.name.startswith(method)]


def guarded(_: str, head: bytes) -> tuple[int, object]:
    """Refuse in one way without a token, in another with a wrong one."""
    return 401, "Invalid token" if b"Authorization" in head else "Not authenticated"


def test_two_errors_of_one_status_are_two_paths() -> None:
    """The first keeps the plain name, so that one found later renames no other; a few words tell the second."""
    with answering(guarded) as server:
        plan = find(server)
    assert names(plan) == ["GET /me 401", 'GET /me 401 "Invalid token"']
    without, wrong = (path for path in plan.paths if path.method == "GET" and path.path == "/me")
    assert (without.answer, wrong.answer) == ("Not authenticated", "Invalid token")
    assert (without.request.headers, wrong.request.headers) == ({}, {"Authorization": "Bearer sadpath-wrong-token"})


def test_a_wrong_method_may_be_refused_in_two_ways_too() -> None:
    """By the framework, and by the operation itself."""
    asked = Candidate("PUT", "/me", Request("PUT", "/me"))
    answered = [(asked, Answer(405, 0.0, shape=Shape(digest))) for digest in ("bare", "own")]
    assert each_error(answered) == (answered, [])


def test_a_text_that_is_another_each_time_tells_nothing() -> None:
    """The same request is answered otherwise, so the shape is not used."""
    words = count(1)
    with answering(lambda _, __: (401, "x" * next(words))) as server:
        assert names(find(server)) == ["GET /me 401"]


def test_an_operation_has_so_many_errors_of_a_status_at_most() -> None:
    """Bodies may hold anything; which have more is said."""
    asked = Candidate("GET", "/me", Request("GET", "/me"))
    answered = [(asked, Answer(404, 0.0, shape=Shape(str(number)))) for number in range(100)]
    assert each_error(answered) == (answered[:MOST_ERRORS_OF_A_STATUS], ["GET /me 404"])


def test_a_happy_answer_is_not_split_by_what_it_says() -> None:
    """It has data."""
    with answering(lambda asked, _: (200, "a" * len(asked))) as server:
        assert names(find(server, [Route("GET", "/me/{id}")], status=("2xx",))) == ["GET /me/{id} 200"]


def test_each_named_request_is_a_path_of_its_own() -> None:
    """Its name tells it from another; without one its query does, what it is answered with, or its number."""
    requests = (
        Request("GET", "/me?q=1"),
        Request("GET", "/me?q=2"),
        Request("GET", "/me", {"X": "1"}),
        Request("GET", "/me", {"X": "2"}),
        Request("GET", "/me", {"X": "3"}, name="another header"),
        Request("GET", "/me?q=1"),
    )
    with answering(lambda _, head: (403, "again" if b"X: " in head else "no")) as server:
        plan = find(server, requests=requests)
    assert names(plan) == [
        "GET /me 403",
        "GET /me 403 (?q=2)",
        'GET /me 403 "again"',
        "GET /me 403 (2)",
        "GET /me 403 (another header)",
    ]


def test_an_alone_request_keeps_the_name_that_it_was_given() -> None:
    """Somebody chose it, to find it again."""
    with answering(guarded) as server:
        plan = find(server, requests=(Request("GET", "/me", name="without a token"),))
    assert names(plan) == ["GET /me 401 (without a token)"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ((), ["GET /me 403", "TRACE /health 405", "GET /{unknown} 404"]),
        (("2xx",), ["GET /health 200"]),
        (("403",), ["GET /me 403"]),
        (("4xx", "200"), ["GET /health 200", "GET /me 403", "TRACE /health 405", "GET /{unknown} 404"]),
        (("5xx",), []),
    ],
)
def test_the_statuses_to_measure_can_be_chosen(chosen: Sequence[str], expected: list[str]) -> None:
    """Happy ones too; without a choice those of errors."""
    statuses = {"GET /health": 200, "GET /me": 403, "TRACE /health": 405}
    with answering(lambda asked, _: (statuses.get(asked, 404), "no")) as server:
        plan = find(server, [Route("GET", "/health"), *ME], status=tuple(chosen))
    assert [path.name for path in plan.paths] == expected


@pytest.mark.slow
def test_an_error_that_leaks_behind_another_of_its_status_is_found(tmp_path: Path) -> None:
    """Behind the first 401 that of a wrong token, and behind a schema's 422 that of the service's own validator."""
    command = [sys.executable, "-m", "uvicorn", "masking:app", "--port", str(free_port()), "--no-access-log"]
    found = check(tmp_path, "--writes", "--yes", "--budget", "120", "--", *command, cwd=HERE / "services")
    leaks = {one["name"]: one["answer"] for one in found.summary["paths"] if one["verdict"] == "leaks"}
    assert set(leaks.values()) == {"Invalid token", "Value error, there is no such item"}
    assert found.path("GET /me 401")["verdict"] == "flat"
    assert found.path('GET /me 401 "Invalid token"')["cause"]["held_by"] == "masking.WRONG"
