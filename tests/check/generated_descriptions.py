"""Ordinary descriptions in which something is not ordinary: any value of JSON anywhere, or a key of another name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies

from sadpath.check.find.schema import Schema, parsed_schema

OK = {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
QUERY = {"name": "q", "in": "query", "schema": {"type": "string", "enum": ["a", "b"]}, "example": "a"}
HEADER = {"name": "X-A", "in": "header", "schema": {"type": "string", "maxLength": 3}}
BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}
ITEM = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "array"}}}

OPENAPI_3: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "http://x/v1"}],
    "paths": {
        "/a/{id}": {"parameters": [ID], "get": {"parameters": [QUERY, HEADER], "responses": OK}},
        "/b": {
            "post": {"requestBody": {"$ref": "#/components/requestBodies/B"}, "responses": OK, "security": [{"k": []}]}
        },
        "/c": {"$ref": "#/components/pathItems/C"},
    },
    "components": {
        "schemas": {"Item": ITEM},
        "requestBodies": {"B": BODY},
        "pathItems": {"C": {"get": {"parameters": [{"$ref": "#/components/parameters/Q"}], "responses": OK}}},
        "parameters": {"Q": QUERY},
        "securitySchemes": {"k": {"type": "http", "scheme": "bearer"}},
    },
}
SWAGGER_2: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "t", "version": "1"},
    "basePath": "/v1",
    "consumes": ["application/json"],
    "paths": {
        "/a/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}]}},
        "/b": {
            "post": {"parameters": [{"name": "b", "in": "body", "required": True, "schema": ITEM}], "responses": {}}
        },
    },
    "securityDefinitions": {"k": {"type": "basic"}},
    "security": [{"k": []}],
}

HOSTILE = (
    *(
        "",
        "/",
        "//",
        "..",
        "/../a",
        "http://127.0.0.1:9/a",
        "//127.0.0.1:9/a",
        "#",
        "#/",
        "#/paths/~1a~1{id}",
        "\n::error::",
    ),
    *(
        "\r\nEvil: 1",
        "\x00",
        "\x1b[31m",
        "\u202e",
        "\ud800",
        "{",
        "{id}",
        "file:///etc/passwd",
        "./other.json#/a",
        "(a+)+$",
    ),
)
texts = strategies.sampled_from(HOSTILE) | strategies.text(strategies.characters(), max_size=10)
references = texts.map(lambda text: {"$ref": text})
values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | texts | references,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*way, key)
        yield from _places(one, (*way, key))


@strategies.composite
def descriptions(draw: strategies.DrawFn) -> dict[str, Any]:
    """An ordinary description with a few changes."""
    content: dict[str, Any] = json.loads(json.dumps(draw(strategies.sampled_from([OPENAPI_3, SWAGGER_2]))))
    for _ in range(draw(strategies.integers(1, 3))):
        *way, last = draw(strategies.sampled_from(list(_places(content))))
        inside: Any = content
        for key in way:
            inside = inside[key]
        change = draw(strategies.sampled_from(["value", "name", "nothing"]))
        if change == "value":
            inside[last] = draw(values)
        elif change == "name" and isinstance(inside, dict):
            inside[draw(texts)] = inside.pop(last)
        else:
            del inside[last]
        if not list(_places(content)):
            break
    return content


@strategies.composite
def pages(draw: strategies.DrawFn) -> bytes:
    """A description as it comes from a service: JSON, YAML, or what a cut connection left of it."""
    content = draw(descriptions())
    page = json.dumps(content).encode()
    if draw(strategies.booleans()):
        page = yaml.dump(content, allow_unicode=True).encode(errors="surrogatepass")
    kept = draw(strategies.integers(0, len(page))) if draw(strategies.integers(0, 9)) == 0 else len(page)
    return page[:kept]


class Memory:
    """A place that has one page, and nothing below it."""

    address = "page"

    def __init__(self, page: bytes) -> None:
        self._page = page

    def below(self, _: str, reference: str) -> str | None:
        """Whatever begins with a dot."""
        return reference if reference.startswith(".") else None

    def read(self, address: str, most_bytes: int, within_s: float) -> bytes:  # noqa: ARG002 - as others
        """The page alone."""
        if address != self.address:
            raise OSError("no such page")
        return self._page


def read(page: bytes) -> Schema:
    """The description of a page. Raises `ValueError`."""
    return parsed_schema(Memory(page), "page")
