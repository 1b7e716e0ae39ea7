"""Make requests from an OpenAPI description: `python -m sadpath.check.find.schema_cases`, a process of its own.

Reads the description as JSON from standard input, and prints a line of JSON for each case, then one with notes.
schemathesis and Locust do not get along in one process. What it generates is the same each time: its coverage phase,
whose API is not documented, so the lock pins it and a test calls it.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from requests import Request
from schemathesis import GenerationMode
from schemathesis.core.errors import LoaderError

from sadpath.check.find.schema import evenly

MAX_CASES = 30
"""Of one operation, spread evenly over what there is."""

BASE = "http://service"
OURS = {"x-schemathesis-testcaseid", "user-agent", "content-length", "authorization", "accept-encoding", "connection"}
"""Headers that are not part of a case."""


def main() -> None:
    """Print the cases of the description on standard input."""
    try:
        schema = schemathesis.openapi.from_dict(json.load(sys.stdin))
    except (LoaderError, ValueError) as error:
        print(json.dumps({"error": " ".join(str(error).split())}))  # noqa: T201 - our parent reads it
        return
    notes: list[str] = []
    for operation in _operations(schema, notes):
        for case in evenly(list(_cases(schema, operation, notes)), MAX_CASES):
            print(json.dumps(case))  # noqa: T201
    print(json.dumps({"notes": notes}))  # noqa: T201


def _operations(schema: Any, notes: list[str]) -> list[Any]:
    found = []
    for result in schema.get_all_operations():
        try:
            found.append(result.ok())
        except Exception:  # noqa: BLE001 - schemathesis wraps whatever it could not read
            error = result.err()
            notes.append(f"left out {_where(error)}: {_in_one_line(error)}")
    return found


def _where(error: Any) -> str:
    method, path = getattr(error, "method", None), getattr(error, "path", None)
    return f"{str(method or '').upper()} {path}".strip() if path else "an operation"


def _cases(schema: Any, operation: Any, notes: list[str]) -> Iterator[dict[str, Any]]:
    config = schema.config.generation_for(operation=operation)
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    try:
        for case in schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=config):
            if case.method.upper() == operation.method.upper():
                yield _plain(operation, case)
    except Exception as error:  # noqa: BLE001 - one operation must not spoil the rest
        notes.append(f"left out some requests to {operation.label}: {_in_one_line(error)}")


def _plain(operation: Any, case: Any) -> dict[str, Any]:
    """Return a case as it goes over the wire."""
    sent = case.as_transport_kwargs(base_url=BASE)
    known = {
        name: sent[name] for name in ("method", "url", "headers", "params", "json", "data", "files") if name in sent
    }
    prepared = Request(**known).prepare()
    parts = urlsplit(str(prepared.url))
    body = prepared.body or b""
    return {
        "method": operation.method.upper(),
        "template": operation.path,
        "path": parts.path + (f"?{parts.query}" if parts.query else ""),
        "headers": {name: _text(value) for name, value in prepared.headers.items() if name.lower() not in OURS},
        "body": base64.b64encode(body.encode() if isinstance(body, str) else body).decode(),
        "valid": case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE,
    }


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _in_one_line(error: object) -> str:
    return " ".join(str(error).split())[:200]


if __name__ == "__main__":
    main()
