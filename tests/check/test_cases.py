"""Requests are made from a description while others are sent, in a process of its own, within its time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sadpath.check.find.cases import Making
from sadpath.check.find.schema import Schema
from tests.check.large_description import large_description


def test_chains_and_circles_of_hundreds_of_schemas_are_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each operation has requests that its description allows; nothing is left in the folder of the user."""
    monkeypatch.chdir(tmp_path)
    making = Making(Schema("it", large_description(operations=8)))
    made = list(making)
    assert {(one.method, one.template) for one in made if one.valid} == {*making.wanted}
    assert (making.notes, making.left) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_made_when_the_time_is_over_counts() -> None:
    """What comes from an operation that has none yet is known."""
    making = Making(Schema("it", large_description()), within_s=4.0)
    tried = {(one.method, one.template) for one in making}
    assert tried | {*making.left} == {*making.wanted}
    assert tried.isdisjoint(making.left)
    assert making.left


def test_a_service_that_takes_long_for_what_was_made_gets_no_more() -> None:
    """The rest counts as not tried."""
    making = Making(Schema("it", large_description(operations=2)), used_within_s=0)
    assert list(making) == []
    assert making.left == making.wanted


def test_operations_that_may_have_a_body_come_first() -> None:
    """They have the most inputs; what has none is left out."""
    paths = {"/a": {"get": {}}, "/b/{id}": {"get": {}}, "/c": {"post": {"requestBody": {}}}}
    making = Making(Schema("it", {"paths": paths}), within_s=0)
    list(making)
    assert making.wanted == [("POST", "/c"), ("GET", "/b/{id}")]


ORDER = {
    "type": "object",
    "required": ["name", "item"],
    "properties": {
        "name": {"type": "string"},
        "item": {"type": "integer", "maximum": 5000},
        "kind": {"enum": ["gift"]},
    },
}
EXAMPLE = {"name": "ada", "item": 7, "kind": "gift"}


def test_a_valid_body_gets_one_value_that_cannot_exist() -> None:
    """Each in turn, within the limits; then it comes as it was, since a name in it may be used up."""
    body = {"content": {"application/json": {"schema": ORDER, "example": EXAMPLE}}}
    content = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/o": {"post": {"requestBody": body}}},
    }
    bodies = [json.loads(one.request.body) for one in Making(Schema("it", content)) if one.valid]
    assert bodies[0] == EXAMPLE
    assert bodies[-3:] == [{**EXAMPLE, "name": "sadpath-no-such-value"}, {**EXAMPLE, "item": 999}, EXAMPLE]
