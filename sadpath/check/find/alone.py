"""One operation of an OpenAPI description alone: what its requests need, and no more.

A large description has chains and circles of hundreds of schemas. What makes requests of one follows them all, and that
takes minutes, or more levels than Python has, for values so deep that hardly a service looks at them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from sadpath.check.find.schema import METHODS

DEEPEST = 3
"""References in a row that are followed from an operation."""

PARTS = {"components": 3, "definitions": 2, "parameters": 2, "responses": 2}
"""The tables that references lead into, of OpenAPI 3 and of Swagger 2, and the parts of a name in them."""

Name = tuple[str, ...]
"""Of what a reference leads to: `("components", "schemas", "Item")`; empty for what is in no table."""


class Operations:
    """The operations of a description, each of which can be had alone."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = description
        self._names: dict[Name, set[Name]] = {}

    def alone(self, method: str, template: str) -> dict[str, Any]:
        """Return a description of one operation, with what it refers to.

        What is referred to more deeply is left out where it is optional, else it may be anything.
        """
        item = self._description["paths"][template]
        item = {name: one for name, one in item.items() if name not in METHODS or name == method.lower()}
        if isinstance(operation := item.get(method.lower()), dict):
            item[method.lower()] = {**operation, "responses": {}}
        kept, beyond = self._reached(set(_names(item)))
        if () in kept:  # somewhere else, such as in another operation
            return dict(self._description)
        alone = {name: one for name, one in self._description.items() if name not in PARTS}
        alone["paths"] = {template: item}
        if isinstance(components := self._description.get("components"), dict):
            alone["components"] = {"securitySchemes": components.get("securitySchemes", {})}
        for name in kept:
            _put(alone, name, self._at(name))
        return _cut(alone, kept) if beyond else alone

    def _reached(self, names: set[Name]) -> tuple[set[Name], set[Name]]:
        """Return what is referred to, from these on, and what would come next."""
        kept: set[Name] = set()
        for _ in range(DEEPEST):
            kept |= names
            names = {one for name in names for one in self._names_in(name)} - kept
        return kept, names

    def _names_in(self, name: Name) -> set[Name]:
        if name not in self._names:
            self._names[name] = set(_names(self._at(name)))
        return self._names[name]

    def _at(self, name: Name) -> Any:
        value: Any = self._description
        for part in name:
            value = value.get(part) if isinstance(value, dict) else None
        return value


def _names(node: Any) -> Iterator[Name]:
    """Yield the names of all that is referred to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield _name(node["$ref"])
        for one in node.values():
            yield from _names(one)
    elif isinstance(node, list):
        for one in node:
            yield from _names(one)


def _name(reference: str) -> Name:
    start, *parts = (part.replace("~1", "/").replace("~0", "~") for part in unquote(reference).split("/"))
    count = PARTS.get(parts[0], 0) if start == "#" and parts else 0
    return tuple(parts[:count]) if len(parts) >= count else ()


def _put(description: dict[str, Any], name: Name, value: Any) -> None:
    """Add what has this name, unless it is nothing."""
    for part in name[:-1]:
        description = description.setdefault(part, {})
    if value is not None:
        description[name[-1]] = value


def _cut(node: Any, kept: set[Name]) -> Any:
    """Return the same without references to what is not kept, and without the optional properties that need it."""
    if isinstance(node, list):
        return [_cut(one, kept) for one in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str) and _name(node["$ref"]) not in kept:
        return {}
    cut = {name: _cut(one, kept) for name, one in node.items() if name != "discriminator"}
    if isinstance(node.get("properties"), dict):
        required = node["required"] if isinstance(node.get("required"), list) else []
        cut["properties"] = {
            name: _cut(one, kept)
            for name, one in node["properties"].items()
            if name in required or kept.issuperset(_names(one))
        }
    return cut
