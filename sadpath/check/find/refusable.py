"""What is sent unasked of methods that may change data: requests that something keeps from their operation.

Each is made here, from an operation that may be misdescribed: what counts is that the service refuses it, each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from sadpath.check.driver import Request
from sadpath.check.find.schema import Schema

BROKEN_JSON = b'{"broken'


class Barrier(StrEnum):
    """What keeps a request from its operation."""

    BODY = "a required body that is no JSON"
    CREDENTIALS = "no credentials, which it demands"


REFUSALS: Mapping[Barrier, frozenset[int]] = {
    Barrier.BODY: frozenset({400, 401, 403, 413, 415, 422}),
    Barrier.CREDENTIALS: frozenset({401, 403}),
}
"""The statuses that say so. Others, such as 404, may come from the operation itself."""


@dataclass(frozen=True)
class Refusable(Request):
    """A request to the `operation` of this name, such as `DELETE /items/{id}`, that has to be refused.

    It never carries the user's headers. Whether it may be sent again depends on how it is answered: never where it is
    not known whether it arrived.
    """

    is_repeatable: ClassVar[bool] = False
    operation: str = ""
    barrier: Barrier = Barrier.BODY

    def is_refused_by(self, status: int) -> bool:
        """Whether this answer says that the barrier holds."""
        return status in REFUSALS[self.barrier]


def refusable(
    method: str, template: str, path: str, operation: Mapping[str, Any], schema: Schema
) -> Iterator[Refusable]:
    """Yield the requests of an operation that cannot reach it; none where its description allows all of ours."""
    name = f"{method} {template}"
    if media_type := required_json(operation, schema):
        yield Refusable(method, path, {"Content-Type": media_type}, BROKEN_JSON, name, Barrier.BODY)
    if demands_credentials(operation, schema.content):
        yield Refusable(method, path, {}, b"", name, Barrier.CREDENTIALS)


def required_json(operation: Mapping[str, Any], schema: Schema) -> str:
    """Return the media type of a body that is required and can only be JSON; nothing where it can be anything else.

    A body of another type is never broken: a form, a text and a file are whatever they are.
    """
    types = _required_media(operation, schema) or _required_media_of_swagger(operation, schema)
    return types[0] if types and all(map(is_json, types)) else ""


def demands_credentials(operation: Mapping[str, Any], description: Mapping[str, Any]) -> frozenset[str]:
    """Return the schemes by which an operation demands credentials; none where it does not, or not in a known way."""
    schemes = {
        **_table(description, "securityDefinitions"),
        **_table(_table(description, "components"), "securitySchemes"),
    }
    required = operation.get("security", description.get("security"))
    if not isinstance(required, list) or not required:
        return frozenset()
    if not all(isinstance(one, dict) and one and one.keys() <= schemes.keys() for one in required):
        return frozenset()
    return frozenset().union(*required)


def media_types(operation: Mapping[str, Any], schema: Schema) -> list[str]:
    """Return the media types of a body that an operation may have; none where it is not described with any."""
    types = list(_table(operation.get("requestBody"), "content"))
    if not types and any(map(_is_body, _parameters(operation))):
        consumed = operation.get("consumes", schema.content.get("consumes"))
        types = [str(one) for one in consumed] if isinstance(consumed, list) else []
    return [one for one in types if one.isascii() and one.isprintable()]


def _required_media(operation: Mapping[str, Any], schema: Schema) -> list[str]:
    """Return the media types of a required body in OpenAPI 3; none for a text, which may be a file or anything."""
    body = operation.get("requestBody")
    content = _table(body, "content")
    is_any = not content or any(_is_text(_table(content, name).get("schema"), schema) for name in content)
    return list(content) if _is_required(body) and not is_any else []


def _required_media_of_swagger(operation: Mapping[str, Any], schema: Schema) -> list[str]:
    """Return the media types of a required body in Swagger 2, where it is a parameter."""
    bodies = [one for one in _parameters(operation) if _is_body(one)]
    types = operation.get("consumes", schema.content.get("consumes"))
    is_any = not isinstance(types, list) or any(_is_text(one.get("schema"), schema) for one in bodies)
    return [] if is_any or not any(map(_is_required, bodies)) else [str(one) for one in types]


def _parameters(operation: Mapping[str, Any]) -> list[Any]:
    parameters = operation.get("parameters")
    return parameters if isinstance(parameters, list) else []


def _is_body(parameter: Any) -> bool:
    return isinstance(parameter, dict) and parameter.get("in") == "body"


def _is_required(body: Any) -> bool:
    return isinstance(body, dict) and body.get("required") is True


def _is_text(schema: Any, description: Schema, levels: int = 5) -> bool:
    followed = description.followed(schema)
    if not isinstance(followed, dict):
        return True
    types = followed.get("type")
    parts = [
        part for key in ("anyOf", "oneOf", "allOf") if isinstance(followed.get(key), list) for part in followed[key]
    ]
    return "string" in (types if isinstance(types, list) else [types]) or (
        levels > 0 and any(_is_text(part, description, levels - 1) for part in parts)
    )


def _table(node: Any, key: str) -> Mapping[str, Any]:
    value = node.get(key) if isinstance(node, dict) else None
    return value if isinstance(value, dict) else {}


def is_json(media_type: str) -> bool:
    """Whether a request can have this type, and is then one of JSON."""
    if not (media_type.isascii() and media_type.isprintable()):
        return False
    name = media_type.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name.endswith("+json"))
