"""Error paths that one place in a service refuses are measured through a few, and only these."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rich.console import Console

from sadpath.check.driver import Answer, Driver, Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.alike import Refused, Refusers, measured
from sadpath.check.find.candidates import WRONG, WRONG_METHOD, Candidate
from sadpath.check.find.careful import Careful
from sadpath.check.find.paths import Finder
from sadpath.check.report.console import PIPE_WIDTH, print_check
from sadpath.check.result import Cause, CauseKind, Check, PathResult
from sadpath.check.routes import Route
from sadpath.check.settings import Settings
from sadpath.check.shape import Shape
from sadpath.verdict.verdict import Verdict
from tests.check.answering import NOT_FOUND, serving

MANY = 10
TOKEN = frozenset({"token"})
ALIKE = Shape("same", "Not authenticated")


def refused(number: int, status: int, shape: Shape = ALIKE, **more: Any) -> Refused:
    """What is known of one error path."""
    request = more.pop("request", Request("GET", f"/{number}"))
    candidate = Candidate(request.method, f"/{number}", request, **more)
    return Refused(
        ErrorPath(request.method, f"/{number}", status, request), candidate, Answer(status, 0.0, shape=shape)
    )


def few(
    make: Callable[[int], Refused], headers: Mapping[str, str] | None = None, handlers: Mapping[Any, str] | None = None
) -> list[ErrorPath]:
    """The paths to measure, of many."""
    found = [make(number) for number in range(MANY)]
    refusers = Refusers([(one.candidate, one.answer) for one in found], headers or {}, handlers or {})
    return [*measured(found, refusers)]


def test_a_few_stand_for_all_that_one_guard_refuses() -> None:
    """They are spread evenly, each stands for those until the next, and none is lost."""
    paths = few(lambda number: refused(number, 401, demands_credentials=TOKEN))
    assert [path.title for path in paths] == [
        "GET /0 401 and 2 like it", "GET /3 401 and 2 like it", "GET /6 401 and 3 like it"
    ]  # fmt: skip
    assert {name for path in paths for name in (path.name, *path.stands_for)} == {f"GET /{n} 401" for n in range(MANY)}


WITH_A_WRONG_ONE = {"Authorization": f"Bearer {WRONG}"}
OF_A_PARSER = Shape("same", "JSON decode error", is_of_a_parser=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: refused(n, 401, demands_credentials=TOKEN, request=Request("GET", f"/{n}", WITH_A_WRONG_ONE)),
        lambda n: refused(n, 403, demands_credentials=TOKEN, request=Request("GET", f"/{n}", {"Accept": "*/*"})),
        lambda n: refused(n, 422, OF_A_PARSER),
        lambda n: refused(n, 422, Shape("same", "Field required", is_of_a_schema=True)),
    ],
)
def test_so_do_those_of_a_wrong_token_and_of_the_framework(make: Callable[[int], Refused]) -> None:
    """The answer says so, or the description."""
    assert len(few(make)) == 3


FORBIDDEN = Shape("same", "Forbidden")
RIGHT = {"Authorization": "Bearer right"}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda n: refused(n, 404, demands_credentials=TOKEN), "it may be the operation's own"),
        (lambda n: refused(n, 401), "no guard is described"),
        (lambda n: refused(n, 401, Shape(str(n)), demands_credentials=TOKEN), "they say other things"),
        (lambda n: refused(n, 401, Shape(), demands_credentials=TOKEN), "nobody has looked"),
        (lambda n: refused(n, 401, demands_credentials=frozenset({str(n)})), "each has a guard of its own"),
        (
            lambda n: refused(n, 403, FORBIDDEN, demands_credentials=TOKEN, request=Request("GET", f"/{n}", RIGHT)),
            "let in",
        ),
        (lambda n: refused(n, 401, demands_credentials=TOKEN, asked_for=True), "each was asked for"),
        (lambda n: refused(n, 422, Shape("same", "no item") if n else OF_A_PARSER), "the service's own"),
        (lambda n: refused(n, 422, Shape("same", "The id is wrong")), "no answer is a schema's"),
        (lambda n: refused(n, 400, Shape("same", "Invalid id"), demands_credentials=TOKEN), "it was looked at"),
        (
            lambda n: refused(n, 500, Shape("same", "Internal Server Error"), demands_credentials=TOKEN),
            "it says nothing",
        ),
    ],
)
def test_what_may_come_from_the_operation_is_measured_each(make: Callable[[int], Refused], why: str) -> None:
    """Two that say the same may each have a line of their own that says it."""
    assert [path.stands_for for path in few(make, RIGHT)] == [()] * MANY, why


@pytest.mark.parametrize("headers", [{}, RIGHT])
def test_a_guard_that_lets_nobody_through_is_one_place(headers: Mapping[str, str]) -> None:
    """Nearly all behind it say the same, and more than their status: such as that there is no database."""
    no_database = Shape("same", "No database is connected.")

    def answered(number: int, *, reached: int) -> Refused:
        shape = Shape(str(number), "own") if number < reached else no_database
        request = Request("GET", f"/{number}", headers)
        return refused(number, 500, shape, demands_credentials=TOKEN, request=request)

    assert len(few(lambda number: answered(number, reached=1), RIGHT)) == 1 + 3
    assert len(few(lambda number: answered(number, reached=2), RIGHT)) == MANY


@pytest.mark.parametrize(("status_with_a_token", "few_are"), [(200, 3), (500, MANY)])
def test_an_error_without_words_is_the_guards_where_a_token_changes_it(status_with_a_token: int, few_are: int) -> None:
    """Each operation may fail with such an error by itself, but then with a token, too."""
    failed = Shape("same", "Internal Server Error")
    without = [refused(n, 500, failed, demands_credentials=TOKEN) for n in range(MANY)]
    let_in = [
        refused(n, status_with_a_token, failed, demands_credentials=TOKEN, request=Request("GET", f"/{n}", RIGHT))
        for n in range(MANY)
    ]
    refusers = Refusers([(one.candidate, one.answer) for one in (*let_in, *without)], RIGHT, {})
    assert len([*measured(without, refusers)]) == few_are


def test_what_was_made_from_a_description_meets_the_guard_of_its_operation() -> None:
    """Such a request says nothing of it, and may have a token of its own."""
    made = [refused(n, 401, request=Request("GET", f"/{n}", {"Authorization": "Basic 0"})) for n in range(MANY)]
    plain = [refused(n, 200, Shape(), demands_credentials=TOKEN) for n in range(MANY)]
    refusers = Refusers([(one.candidate, one.answer) for one in (*plain, *made)], {}, {})
    assert len([*measured(made, refusers)]) == 3


def test_one_function_that_answers_many_addresses_is_one_place() -> None:
    """By its name, unless another function makes it, or it has none of its own: then each may be another."""
    operations = [("GET", f"/{number}") for number in range(MANY)]
    assert len(few(lambda n: refused(n, 404), handlers=dict.fromkeys(operations, "shop.views.find"))) == 3
    assert len(few(lambda n: refused(n, 404), handlers=dict.fromkeys(operations, "shop.made.<locals>.view"))) == MANY
    assert len(few(lambda n: refused(n, 404), handlers=dict.fromkeys(operations, "shop.views.<lambda>"))) == MANY
    assert len(few(lambda n: refused(n, 404), handlers={one: f"shop.views.{one[1]}" for one in operations})) == MANY


def test_wrong_methods_are_measured_through_one() -> None:
    """No operation is called. Others are among them where they say the same, and not where they say more."""
    own = Shape("own", "Orders are read only")

    def answered(number: int) -> Refused:
        method = "PUT" if number < 5 else WRONG_METHOD
        return refused(number, 405, own if number < 4 else ALIKE, request=Request(method, f"/{number}"))

    *each, told_the_same = few(answered)
    assert [path.title for path in each] == [f"PUT /{number} 405" for number in range(4)]
    assert told_the_same.title == "PUT /4 405 and 5 like it"


def test_who_finds_them_says_so() -> None:
    """With the handlers of the routes that were read in the running app; and each is confirmed by a second request."""
    routes = [Route("GET", f"/a{number}", "shop.views.find") for number in range(MANY)]
    with serving(lambda _: NOT_FOUND.replace(b"{}", b"no")) as server, Driver(server.url) as driver:
        plan = Finder(Careful(driver), Settings(), routes).find()
    assert [path.title for path in plan.paths if path.path.startswith("/a") and path.method == "GET"] == [
        "GET /a0 404 and 2 like it", "GET /a3 404 and 2 like it", "GET /a6 404 and 3 like it"
    ]  # fmt: skip
    assert any(note.startswith("7 error paths are refused where others are") for note in plan.notes)


@pytest.mark.parametrize("status", [400, 404, 405, 422, 500])
def test_each_of_twelve_that_say_the_same_by_lines_of_their_own_is_measured(status: int) -> None:
    """One of them alone may leak, and would be hidden behind another."""
    routes = [Route("GET", f"/own{number}", f"shop.views.view_{number}") for number in range(12)]

    def answered(head: bytes) -> bytes:
        code = status if head.startswith(b"GET /own") else 404
        return b'HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"detail":"Sorry"}' % code

    with serving(answered) as server, Driver(server.url) as driver:
        plan = Finder(Careful(driver), Settings(), routes).find()
    found = {path.name: path.stands_for for path in plan.paths if path.path.startswith("/own") and path.method == "GET"}
    assert found == {f"GET /own{number} {status}": () for number in range(12)}


def test_a_leak_names_those_that_are_refused_in_its_place() -> None:
    """None of them was measured."""
    others = tuple(f"GET /{number} 401" for number in range(1, MANY))
    path = ErrorPath("GET", "/0", 401, Request("GET", "/0"), stands_for=others)
    cause = Cause(CauseKind.REUSED, "shop.Refused")
    results = (PathResult(path, Verdict("leaks", "it grows"), (cause,)),)
    out = io.StringIO()
    check = Check("shop", "http://127.0.0.1:1", results)
    print_check(check, Console(file=out, width=PIPE_WIDTH))
    assert "GET /0 401 and 9 like it  leaks" in out.getvalue()
    assert "likely to leak too: GET /1 401, GET /2 401, GET /3 401, GET /4 401, GET /5 401 and others" in out.getvalue()
    assert check.as_json["paths"][0]["stands_for"] == list(others)
