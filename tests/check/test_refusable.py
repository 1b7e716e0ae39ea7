"""Which requests of a described operation cannot reach it, and which answers say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sadpath.check.find.refusable import Barrier, Refusable, refusable
from sadpath.check.find.schema import Schema

OBJECT = {"type": "object"}
TOKEN: list[dict[str, list[str]]] = [{"token": []}]
OPENAPI = {"openapi": "3.1.0", "paths": {}, "components": {
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "key": {"type": "apiKey"}},
    "schemas": {"File": {"type": "string"}, "Item": OBJECT, "Loop": {"$ref": "#/components/schemas/Loop"}},
}}  # fmt: skip
SWAGGER = {"swagger": "2.0", "paths": {}, "securityDefinitions": {"token": {"type": "basic"}}}


def made(operation: Mapping[str, Any], description: Mapping[str, Any] = OPENAPI, **more: Any) -> list[Refusable]:
    """The requests to `DELETE /items/{id}`, of such an operation."""
    return list(refusable("DELETE", "/items/{id}", "/items/9", operation, Schema("x", {**description, **more})))


def body(*types: str, required: object = True, schema: object = OBJECT) -> dict[str, Any]:
    """An operation with a body."""
    return {"requestBody": {"required": required, "content": {one: {"schema": schema} for one in types}}}


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/vnd.api+json", "application/json; charset=utf-8"]
)
def test_a_required_body_is_broken_in_its_own_media_type(media_type: str) -> None:
    """Nothing else of the request is made up."""
    (one,) = made(body(media_type))
    assert (one.method, one.path, one.body) == ("DELETE", "/items/9", b'{"broken')
    assert one.headers == {"Content-Type": media_type}
    assert (one.operation, one.barrier) == ("DELETE /items/{id}", Barrier.BODY)


@pytest.mark.parametrize(
    "operation",
    [
        {},
        {"requestBody": None},
        {"requestBody": {"required": True}},
        {"requestBody": {"required": True, "content": {}}},
        body("application/json", required=False),
        body("application/json", required="true"),
        {"requestBody": {"content": {"application/json": {"schema": OBJECT}}}},
        body("application/json", "application/x-www-form-urlencoded"),
        body("application/json", "text/plain"),
        body("application/x-www-form-urlencoded"),
        body("multipart/form-data"),
        body("application/xml"),
        body("*/*"),
        body("application/*"),
        body("application/json", schema={"type": "string", "format": "binary"}),
        body("application/json", schema={"$ref": "#/components/schemas/File"}),
        body("application/json", schema={"$ref": "#/components/schemas/Loop"}),
        body("application/json", schema=None),
    ],
)
def test_a_body_that_may_be_anything_is_not_sent(operation: Mapping[str, Any]) -> None:
    """It is optional, or a form, a text, a file, of any type: what is sent for broken would be one."""
    assert made(operation) == []


def test_a_body_may_stand_elsewhere_in_the_description() -> None:
    """As most do."""
    assert len(made(body("application/json", schema={"$ref": "#/components/schemas/Item"}))) == 1


IN_BODY = {"name": "item", "in": "body", "required": True, "schema": OBJECT}


@pytest.mark.parametrize(
    ("operation", "count"),
    [
        ({"parameters": [IN_BODY], "consumes": ["application/json"]}, 1),
        ({"parameters": [IN_BODY]}, 0),
        ({"parameters": [IN_BODY], "consumes": ["application/json", "application/xml"]}, 0),
        ({"parameters": [IN_BODY | {"required": False}], "consumes": ["application/json"]}, 0),
        ({"parameters": [IN_BODY | {"schema": {"type": "string"}}], "consumes": ["application/json"]}, 0),
        ({"parameters": [{"name": "a", "in": "formData", "required": True}], "consumes": ["application/json"]}, 0),
        ({"parameters": [{"name": "a", "in": "query", "required": True}], "consumes": ["application/json"]}, 0),
        ({"parameters": 3, "consumes": ["application/json"]}, 0),
    ],
)
def test_in_swagger_2_a_body_is_a_parameter(operation: Mapping[str, Any], count: int) -> None:
    """Its media types are those of the operation, or else of all."""
    assert len(made(operation, SWAGGER)) == count


def test_in_swagger_2_the_media_types_may_stand_at_the_top() -> None:
    """For all operations."""
    assert len(made({"parameters": [IN_BODY]}, SWAGGER, consumes=["application/json"])) == 1


@pytest.mark.parametrize(
    ("operation", "at_the_top", "is_demanded"),
    [
        ({"security": TOKEN}, None, True),
        ({}, TOKEN, True),
        ({"security": [{"token": []}, {"key": []}]}, None, True),
        ({}, None, False),
        ({"security": []}, TOKEN, False),
        ({"security": [{}]}, TOKEN, False),
        ({"security": [{"token": []}, {}]}, TOKEN, False),
        ({"security": None}, TOKEN, False),
        ({"security": [{"unknown": []}]}, None, False),
        ({"security": "token"}, None, False),
    ],
)
def test_credentials_are_left_out_where_they_are_demanded(
    *, operation: dict[str, Any], at_the_top: Any, is_demanded: bool
) -> None:
    """Not where it may do without them, nor where it is not said which."""
    found = made(operation, security=at_the_top)
    assert [(one.barrier, one.headers, one.body) for one in found] == [(Barrier.CREDENTIALS, {}, b"")] * is_demanded


@pytest.mark.parametrize(
    ("barrier", "refusals"),
    [(Barrier.BODY, {400, 401, 403, 413, 415, 422}), (Barrier.CREDENTIALS, {401, 403})],
)
def test_only_some_statuses_are_a_refusal(barrier: Barrier, refusals: set[int]) -> None:
    """Any other may be the operation's own answer."""
    one = Refusable("DELETE", "/items/9", operation="DELETE /items/{id}", barrier=barrier)
    assert {status for status in range(600) if one.is_refused_by(status)} == refusals
