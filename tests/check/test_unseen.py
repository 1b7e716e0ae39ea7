"""A valid body in which one value is one that the service cannot know."""

from __future__ import annotations

from typing import Any

import pytest

from sadpath.check.find.unseen import MOST_VALUES, with_one_unseen


def unseen(body: Any, *known: object) -> list[Any]:
    """The bodies, in which these values may not be changed."""
    return list(with_one_unseen(body, lambda one: all(str(value) in str(one) for value in known)))


def test_each_text_and_number_is_changed_in_turn() -> None:
    """Also in a list and in another object; what is no name and no id is left as it is."""
    body = {"name": "ada", "items": [{"id": 1}], "is_gift": True, "note": None}
    assert unseen(body) == [
        {**body, "name": "sadpath-no-such-value"},
        {**body, "items": [{"id": 999_999_999}]},
    ]


@pytest.mark.parametrize(("limit", "value"), [(10**6, 999_999), (100, 99), (10, 9)])
def test_a_number_stays_within_its_limits(limit: int, value: int) -> None:
    """It is the largest that is allowed."""
    assert list(with_one_unseen({"id": 1}, lambda one: one["id"] < limit)) == [{"id": value}]


def test_what_may_be_nothing_else_is_left_as_it_is() -> None:
    """One of an enumeration, say; others are changed all the same."""
    assert unseen({"kind": "card", "number": "42"}, "card") == [{"kind": "card", "number": "sadpath-no-such-value"}]


def test_a_form_of_text_is_kept() -> None:
    """As a schema demands it."""
    assert list(with_one_unseen(["ada@shop.example"], lambda one: "@" in one[0])) == [["nobody@sadpath.example"]]


def test_of_a_large_body_the_first_values_are_changed() -> None:
    """Each costs a request."""
    assert len(unseen([str(number) for number in range(1000)])) == MOST_VALUES
