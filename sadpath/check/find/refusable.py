"""What is sent unasked of methods that may change data: requests that something keeps from their operation.

Each is made here, from an operation that may be misdescribed: what counts is that the service refuses it, each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sadpath.check.driver import Request

BROKEN_JSON = b'{"broken'
MOST_REFERENCES = 10
"""References in a row that are followed."""


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

    It never carries the user's headers. Whether it may be sent again depends on how it is answered.
    """

    operation: str = ""
    barrier: Barrier = Barrier.BODY

    def is_refused_by(self, status: int) -> bool:
        """Whether this answer says that the barrier holds."""
        return status in REFUSALS[self.barrier]


def refusable(
    method: str, template: str, path: str, operation: Mapping[str, Any], description: Mapping[str, Any]
) -> Iterator[Refusable]:
    """Yield the requests of an operation that cannot reach it; none where its description allows all of ours."""
    name = f"{method} {template}"
    if media_type := required_json(operation, description):
        yield Refusable(method, path, {"Content-Type": media_type}, BROKEN_JSON, name, Barrier.BODY)
    if demands_credentials(operation, description):
        yield Refusable(method, path, {}, b"", name, Barrier.CREDENTIALS)


def required_json(operation: Mapping[str, Any], description: Mapping[str, Any]) -> str:
    """Return the media type of a body that is required and can only be JSON; nothing where it can be anything else.

    A body of another type is never broken: a form, a text and a file are whatever they are.
    """
    types = _required_media(operation, description) or _required_media_of_swagger(operation, description)
    return types[0] if types and all(map(_is_json, types)) else ""


def demands_credentials(operation: Mapping[str, Any], description: Mapping[str, Any]) -> bool:
    """Whether an operation is described as one for those alone who say who they are, in a way that is described too."""
    schemes = {
        **_table(description, "securityDefinitions"),
        **_table(_table(description, "components"), "securitySchemes"),
    }
    required = operation.get("security", description.get("security"))
    if not isinstance(required, list) or not required:
        return False
    return all(isinstance(one, dict) and one and one.keys() <= schemes.keys() for one in required)


def _required_media(operation: Mapping[str, Any], description: Mapping[str, Any]) -> list[str]:
    """Return the media types of a required body in OpenAPI 3. A text may be anything, such as a file."""
    body = _resolved(operation.get("requestBody"), description)
    content = _table(body, "content")
    schemas = [_resolved(_table(content, name).get("schema"), description) for name in content]
    is_required = body.get("required") is True and all(one.get("type") != "string" for one in schemas)
    return list(content) if is_required else []


def _required_media_of_swagger(operation: Mapping[str, Any], description: Mapping[str, Any]) -> list[str]:
    """Return the media types of a required body in Swagger 2, where it is a parameter."""
    parameters = operation.get("parameters")
    resolved = [_resolved(one, description) for one in parameters] if isinstance(parameters, list) else []
    bodies = [one for one in resolved if one.get("in") == "body" and one.get("required") is True]
    types = operation.get("consumes", description.get("consumes"))
    is_text = any(_resolved(one.get("schema"), description).get("type") == "string" for one in bodies)
    return [str(one) for one in types] if bodies and not is_text and isinstance(types, list) else []


def _resolved(node: Any, description: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of the description, where it may be a reference to another; what is none is empty."""
    for _ in range(MOST_REFERENCES):
        if not isinstance(node, dict):
            return {}
        target = node.get("$ref")
        if target is None:
            return node
        node = _at(str(target), description)
    return {}


def _at(reference: str, description: Mapping[str, Any]) -> Any:
    """Return what `#/components/…` refers to; None where it leads elsewhere."""
    start, *keys = reference.split("/")
    node: Any = description if start == "#" else None
    for key in keys:
        node = node.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node


def _table(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = node.get(key)
    return value if isinstance(value, dict) else {}


def _is_json(media_type: str) -> bool:
    name = media_type.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name.endswith("+json"))
