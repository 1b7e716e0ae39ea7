"""A description as large services have it: 200 operations, and 300 schemas in chains and circles."""

from __future__ import annotations

from typing import Any

SCHEMAS = 300
OPERATIONS = 200
PLAIN: tuple[dict[str, Any], ...] = (
    {"type": "string", "minLength": 1, "maxLength": 40},
    {"type": "integer", "minimum": 0, "maximum": 1000},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "date-time"},
    {"type": "boolean", "default": False},
    {"type": "string", "enum": ["new", "paid", "sent"]},
    {"anyOf": [{"type": "number"}, {"type": "null"}]},
)


def large_description(operations: int = OPERATIONS, schemas: int = SCHEMAS) -> dict[str, Any]:
    """Return a description of so many operations: half read one thing by its id, a quarter create, a quarter change."""
    names = [f"Model{number}" for number in range(schemas)]
    return {
        "openapi": "3.1.0",
        "info": {"title": "large", "version": "1"},
        "paths": dict(_path(number, names) for number in range(operations)),
        "components": {"schemas": {name: _schema(number, names) for number, name in enumerate(names)}},
    }


def _reference(names: list[str], number: int) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{names[number % len(names)]}"}


def _schema(number: int, names: list[str]) -> dict[str, Any]:
    """Return an object with seven plain fields and four that refer to others, one of them back."""
    properties = {f"field_{i}": {**one, "title": f"Field {i}"} for i, one in enumerate(PLAIN)}
    properties["child"] = _reference(names, number + 1)
    properties["parent"] = {"anyOf": [_reference(names, number - 1), {"type": "null"}]}
    properties["others"] = {"type": "array", "items": _reference(names, number * 7 + 3)}
    properties["by_name"] = {"type": "object", "additionalProperties": _reference(names, number * 3 + 1)}
    return {"type": "object", "title": names[number], "required": ["field_0", "field_1"], "properties": properties}


def _path(number: int, names: list[str]) -> tuple[str, dict[str, Any]]:
    """Return a template with its one operation."""
    thing = f"/things{number}"
    identity = {"name": "id", "in": "path", "required": True, "schema": PLAIN[number % 3]}
    query = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}}
    answer = {"description": "ok", "content": {"application/json": {"schema": _reference(names, number)}}}
    body = {"required": True, "content": {"application/json": {"schema": _reference(names, number)}}}
    operation = {"operationId": f"operation_{number}", "tags": [f"tag{number % 10}"], "responses": {"200": answer}}
    if number % 4 < 2:
        return f"{thing}/{{id}}", {"get": {**operation, "parameters": [identity, query]}}
    if number % 4 == 2:
        return thing, {"post": {**operation, "requestBody": body}}
    return f"{thing}/{{id}}", {"put": {**operation, "parameters": [identity], "requestBody": body}}
