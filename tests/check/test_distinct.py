"""Requests that differ in a parameter of the path, each of the same form."""

from __future__ import annotations

import pytest

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.measure.distinct import distinct


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/users/{id}", "/users/999", ["/users/1000", "/users/1001", "/users/1002"]),
        ("/users/{name}", "/users/ann", ["/users/ann-1", "/users/ann-2", "/users/ann-3"]),
        (
            "/jobs/{id}",
            "/jobs/00000000-0000-4000-8000-000000000000",
            [f"/jobs/{number:08x}-0000-4000-8000-000000000000" for number in (1, 2, 3)],
        ),
        (
            "/shops/{shop}/users/{id}?full=1",
            "/shops/7/users/5?full=1",
            [f"/shops/7/users/{n}?full=1" for n in (6, 7, 8)],
        ),
        (
            "/files/{name}.txt",
            "/files/a%20b.txt",
            ["/files/a%2520b-1.txt", "/files/a%2520b-2.txt", "/files/a%2520b-3.txt"],
        ),
    ],
)
def test_the_last_parameter_has_another_value_in_each_request(template: str, path: str, expected: list[str]) -> None:
    """A number counts up, an id stays one, a text gets a number."""
    made = distinct(ErrorPath("GET", template.partition("?")[0], 404, Request("GET", path, {"X": "1"}, b"body")))
    assert made
    assert [one.path for one in [*made(2), *made(1)]] == expected
    assert [(one.method, one.headers, one.body) for one in made(1)] == [("GET", {"X": "1"}, b"body")]


@pytest.mark.parametrize(("template", "path"), [("/users", "/users"), ("/users/{id}", "/elsewhere/1"), ("/{id}", "/")])
def test_without_a_parameter_there_are_none(template: str, path: str) -> None:
    """Nor where the path is not one of the template's."""
    assert distinct(ErrorPath("GET", template, 404, Request("GET", path))) is None
