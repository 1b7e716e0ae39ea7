"""Requests that are named with braces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.inputs import varied
from sadpath.check.find.named import Named, literally, named, typed
from tests.generated import examples

UUID = "00000000-0000-4000-8000-000000000000"


def sent(request: Request, number: int | None = None) -> Request:
    """The request as it is sent first, or with other values."""
    made = named(request, may_vary=False)
    return made if number is None else varied(made, made.inputs, number)


@pytest.mark.parametrize(
    ("place", "first", "later"),
    [
        ("n", "999999999", "1000000016"),
        ("user_id", "999999999", "1000000016"),
        ("userId", "999999999", "1000000016"),
        ("order_uuid", UUID, "00000011" + UUID[8:]),
        ("email", "sadpath@example.com", "sadpath17@example.com"),
        ("date", "2026-01-15", "1970-01-18"),
        ("name", "sadpath", "sadpath17"),
        ("paid", "sadpath", "sadpath17"),
    ],
)
def test_a_place_gets_a_value_that_fits_its_name(place: str, first: str, later: str) -> None:
    """A fixed one first, another one later."""
    request = Request("GET", f"/a/{{{place}}}/b?c={{{place}}}", {"X-Id": f"<{{{place}}}>"})
    assert sent(request).path == f"/a/{first}/b?c={first}"
    assert sent(request, 17).path == f"/a/{later}/b?c={later}"
    assert (sent(request).headers, sent(request, 17).headers) == ({"X-Id": f"<{first}>"}, {"X-Id": f"<{later}>"})


def test_a_place_in_json_is_a_text_or_a_number() -> None:
    """By where it stands; the braces of JSON itself are no place."""
    request = Request("POST", "/", {}, b'{"a": {"b": "\\"{name}"}, "c": {total}, "d": {}, "e": {"f": "{n}"}}')
    assert json.loads(sent(request).body) == {
        "a": {"b": '"sadpath'},
        "c": 999999999,
        "d": {},
        "e": {"f": "999999999"},
    }
    assert json.loads(sent(request, 17).body)["c"] == 1000000016


def test_a_place_in_a_form_is_filled_by_its_name() -> None:
    """As in a path."""
    assert sent(Request("POST", "/", {}, b"name={name}&n={n}")).body == b"name=sadpath&n=999999999"


def test_two_braces_are_sent_as_one() -> None:
    """And so is what has no name in it."""
    request = Request("POST", "/{{id}}/{}/{a b}/${b}/%7Bid%7D", {"X": "{{id}}"}, b'{"q": "{me{{id}}}"}')
    assert sent(request, 17) == sent(request)
    assert sent(request).path == "/{id}/{}/{a b}/${b}/%7Bid%7D"
    assert (sent(request).headers, sent(request).body) == ({"X": "{id}"}, b'{"q": "{me{id}}"}')


@given(st.text(st.sampled_from("${}ab1_ ")))
@examples(100)
def test_what_is_written_to_a_file_is_sent_as_it_was(text: str) -> None:
    """Whatever braces it has."""
    request = Request("POST", f"/{text}", {"X": text}, text.encode())
    assert named(literally(request), may_vary=False) == Named(**vars(request))


@pytest.mark.parametrize(
    ("template", "sent", "expected"),
    [
        ("/users/{id}", Request("GET", "/users/999999999"), "/users/{id}"),
        ("/users/{id}", Request("GET", "/users/5"), "/users/5"),
        ("/users/{name}", Request("GET", "/users/999999999"), "/users/999999999"),
        ("/users/{id}", Request("GET", "/users/999999999?full=1"), "/users/999999999?full=1"),
        ("/users/{id}", Request("GET", "/users/999999999", {"X": "y"}), "/users/999999999"),
        ("/users/{id}", Request("DELETE", "/users/999999999"), "/users/999999999"),
        ("/users", Request("GET", "/users"), "/users"),
    ],
)
def test_what_was_found_is_typed_with_braces_where_that_sends_the_same(
    template: str, sent: Request, expected: str
) -> None:
    """Not where something else may vary, nor where another id may change data."""
    assert typed(ErrorPath(sent.method, template, 404, sent)).path == expected
