"""Error paths that one place in a service refuses are measured through a few, and only these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sadpath.check.driver import Answer, Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.alike import Refused, Refusers, measured
from sadpath.check.find.candidates import WRONG as WRONG_TOKEN
from sadpath.check.find.candidates import Candidate
from sadpath.check.shape import Shape

MANY = 10
TOKEN = frozenset({"token"})
ALIKE = Shape("same", "Not authenticated")


def refused(number: int, status: int, shape: Shape = ALIKE, **more: Any) -> Refused:
    """What is known of one error path."""
    request = more.pop("request", Request("GET", f"/{number}"))
    candidate = Candidate("GET", f"/{number}", request, **more)
    return Refused(ErrorPath("GET", f"/{number}", status, request), candidate, Answer(status, 0.0, shape=shape))


def few(
    make: Callable[[int], Refused], headers: Mapping[str, str] | None = None, handlers: Mapping[Any, str] | None = None
) -> list[ErrorPath]:
    """The paths to measure, of many."""
    return [*measured([make(number) for number in range(MANY)], Refusers(headers or {}, handlers or {}))]


def test_a_few_stand_for_all_that_one_guard_refuses() -> None:
    """They are spread evenly, each stands for those until the next, and none is lost."""
    paths = few(lambda number: refused(number, 401, demands_credentials=TOKEN))
    assert [path.title for path in paths] == [
        "GET /0 401 and 2 like it", "GET /3 401 and 2 like it", "GET /6 401 and 3 like it"
    ]  # fmt: skip
    assert {name for path in paths for name in (path.name, *path.stands_for)} == {f"GET /{n} 401" for n in range(MANY)}


WRONG = {"Authorization": f"Bearer {WRONG_TOKEN}"}
OF_A_PARSER = Shape("same", "JSON decode error", is_of_a_parser=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: refused(n, 401, demands_credentials=TOKEN, request=Request("GET", f"/{n}", WRONG)),
        lambda n: refused(n, 403, demands_credentials=TOKEN, request=Request("GET", f"/{n}", {"Accept": "*/*"})),
        lambda n: refused(n, 422, OF_A_PARSER),
    ],
)
def test_so_do_those_of_a_wrong_token_and_of_a_parser(make: Callable[[int], Refused]) -> None:
    """The answer says so, or the description."""
    assert len(few(make)) == 3


RIGHT = {"Authorization": "Bearer right"}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda n: refused(n, 404, demands_credentials=TOKEN), "it may be the operation's own"),
        (lambda n: refused(n, 401), "no guard is described"),
        (lambda n: refused(n, 401, Shape(str(n)), demands_credentials=TOKEN), "they say other things"),
        (lambda n: refused(n, 401, Shape(), demands_credentials=TOKEN), "nobody has looked"),
        (lambda n: refused(n, 401, demands_credentials=frozenset({str(n)})), "each has a guard of its own"),
        (lambda n: refused(n, 403, demands_credentials=TOKEN, request=Request("GET", f"/{n}", RIGHT)), "let in"),
        (lambda n: refused(n, 401, demands_credentials=TOKEN, asked_for=True), "each was asked for"),
        (lambda n: refused(n, 422, Shape("same", "no item")), "the service's own"),
    ],
)
def test_what_may_come_from_the_operation_is_measured_each(make: Callable[[int], Refused], why: str) -> None:
    """Two that say the same may each have a line of their own that says it."""
    assert [path.stands_for for path in few(make, RIGHT)] == [()] * MANY, why


def test_one_function_that_answers_many_addresses_is_one_place() -> None:
    """By its name, unless another function makes it: then each may be another."""
    operations = [("GET", f"/{number}") for number in range(MANY)]
    assert len(few(lambda n: refused(n, 404), handlers=dict.fromkeys(operations, "shop.views.find"))) == 3
    assert len(few(lambda n: refused(n, 404), handlers=dict.fromkeys(operations, "shop.made.<locals>.view"))) == MANY
    assert len(few(lambda n: refused(n, 404), handlers={one: f"shop.views.{one[1]}" for one in operations})) == MANY


def test_wrong_methods_are_measured_through_one() -> None:
    """No operation is called."""
    (path,) = few(lambda number: refused(number, 405))
    assert len(path.stands_for) == MANY - 1
