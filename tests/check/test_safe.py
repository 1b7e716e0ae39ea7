"""Which safe operations may change something all the same."""

from __future__ import annotations

from typing import Any

import pytest

from sadpath.check.driver import Request
from sadpath.check.find.safe import changes_something, hides_a_change, overrides_method


@pytest.mark.parametrize(
    "path",
    [
        "/logout",
        "/auth/log-out",
        "/auth/log_out",
        "/auth/signOut",
        "/users/{id}/delete",
        "/RESTART",
        "/cache/clear",
        "/deleteall",
        "/shutdown/{delay}",
    ],
)
def test_a_path_says_that_it_changes_something(path: str) -> None:
    """In one word or in two, however they are written."""
    assert changes_something(path)


@pytest.mark.parametrize("path", ["/", "/users/{id}", "/stopwatch", "/deleted", "/catalog/outlets", "/bus/{stop}"])
def test_other_paths_do_not(path: str) -> None:
    """Also where a part of a word or a parameter would."""
    assert not changes_something(path)


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/items/1?_method=DELETE"),
        Request("GET", "/items/1?a=b&_method="),
        Request("GET", "/items/1", {"X-HTTP-Method-Override": "DELETE"}),
        Request("GET", "/items/1", {"x-http-method": "PUT"}),
        Request("GET", "/items/1", {"X-Method-Override": "PATCH"}),
    ],
)
def test_a_request_may_be_taken_for_one_of_another_method(request_: Request) -> None:
    """By a header or the query."""
    assert overrides_method(request_)


@pytest.mark.parametrize(
    "path",
    [
        "/tasks/delete",
        "/items?action=purge",
        "/items?action=log%20out",
        "/items?f=%7B%22action%22%3A%22delete%22%7D",
    ],
)
def test_a_value_says_that_it_changes_something(path: str) -> None:
    """In a request that a description suggests, where the template says nothing."""
    assert hides_a_change(Request("GET", path), "/tasks/{action}")


@pytest.mark.parametrize("more", [{"headers": {"X-Action": "delete"}}, {"body": b'{"purge": true}'}])
def test_a_header_or_a_body_says_that_it_changes_something(more: dict[str, Any]) -> None:
    """Of a request that is safe by its method."""
    assert hides_a_change(Request("GET", "/tasks", **more), "/tasks")


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/items", {"Authorization": "Bearer stop", "Cookie": "id=stop", "User-Agent": "stop"}),
        Request("POST", "/items", {}, b'{"name": "stop"}'),
        Request("GET", "/bus/{stop}"),
    ],
)
def test_what_is_no_word_says_nothing(request_: Request) -> None:
    """A token, a body of what changes data anyway, and the name of a parameter."""
    assert not hides_a_change(request_, "")


def test_most_are_not() -> None:
    """Whatever else they ask for."""
    assert not overrides_method(Request("GET", "/items/1?method=DELETE", {"X-Method": "DELETE"}))
