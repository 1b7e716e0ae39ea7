"""Make requests from an OpenAPI description: `python -m sadpath.check.find.schema_cases PARENT SECONDS`.

A process of its own, which ends with its parent, and takes at most so many seconds of CPU time.

Reads the description, and the methods and templates that are wanted of it, as JSON from standard input, and prints a
line of JSON for each case, then one with notes.
schemathesis and Locust do not get along in one process. What it generates is the same each time: its coverage phase,
whose API is not documented, so the lock pins it and a test calls it.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from requests import Request, RequestException
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.jsonschema import make_validator

from sadpath.check.find.alone import Operations
from sadpath.check.find.schema import evenly
from sadpath.check.find.unseen import with_one_unseen
from sadpath.lifeline import die_with_parent

MAX_CASES = 10
"""Of one operation that its description allows, and that it forbids, spread evenly over those that are made."""

MOST_MADE = 30
"""Of each."""

MOST_BYTES_OF_A_CASE, MOST_BYTES = 1 << 16, 1 << 26
"""Of a line that is printed, and of all."""

MOST_MEMORY = 2 << 30
OPERATION_WITHIN_S, AND_AGAIN_S = 3.0, 1.0
"""CPU time; again, since what makes the requests may swallow an exception and go on."""

BASE = "http://service"
OURS = {"x-schemathesis-testcaseid", "user-agent", "authorization", "accept-encoding"}
OURS |= {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding"}
OURS |= {"upgrade"}
"""Headers that are not part of a case: ours, and those that say where a request goes to and where it ends."""

NOT_SENDABLE = (RequestException, UnicodeError)
"""What a case raises whose path or headers no request can have."""


def main() -> None:
    """Print the cases of the description on standard input."""
    die_with_parent()
    if os.getppid() != int(sys.argv[1]):  # it ended before
        return
    for limit, most in ((resource.RLIMIT_DATA, MOST_MEMORY), (resource.RLIMIT_CPU, int(sys.argv[2]))):
        with suppress(OSError, ValueError):  # what the system does not limit, or limits further
            resource.setrlimit(limit, (most, most + 1))  # at the second one the signal would be SIGKILL
    sys.addaudithook(_refuse_connections)
    notes: list[str] = []
    left = MOST_BYTES
    for operation in operations(**json.load(sys.stdin), notes=notes):
        for line in lines(operation, notes):
            left -= len(line)
            if left > 0:
                print(line)  # noqa: T201 - our parent reads it
        sys.stdout.flush()
    if left <= 0:
        notes.append(f"only the first {MOST_BYTES >> 20} MiB of the requests were taken")
    print(json.dumps({"notes": notes}))  # noqa: T201


def _refuse_connections(event: str, _: object) -> None:
    """Let the library follow nothing that our parent has left in the description."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError("a description refers to nothing outside of itself")


def operations(description: dict[str, Any], wanted: list[list[str]], notes: list[str]) -> Iterator[Any]:
    """Yield what can be read of the operations. No settings of schemathesis are used but its defaults."""
    alone = Operations(description)
    for method, template in wanted:
        try:
            schema: Any = schemathesis.openapi.from_dict(alone.alone(method, template), config=SchemathesisConfig())
            yield schema[template][method]
        except Exception as error:  # noqa: BLE001 - of whatever could not be read
            notes.append(f"left out {method} {template}: {_in_one_line(error)}")


def lines(operation: Any, notes: list[str]) -> list[str]:
    """Return the cases of an operation, each as a line of JSON: those that its description allows come first."""
    made: dict[bool, list[str]] = {True: [], False: []}
    unseen: list[str] = []
    left_out = f"left out some requests to {operation.label}"
    try:
        with _within(OPERATION_WITHIN_S):
            for is_valid, of_it in made.items():
                for case in _cases(operation, is_valid=is_valid):
                    with suppress(*NOT_SENDABLE):
                        of_it.append(json.dumps(_plain(operation, case)))
            for case in _with_one_unseen(operation):
                with suppress(*NOT_SENDABLE):
                    unseen.append(json.dumps(_plain(operation, case)))
    except MemoryError:
        notes.append(f"{left_out}: it took more than {MOST_MEMORY >> 30} GiB of memory")
    except Exception as error:  # noqa: BLE001 - one operation must not spoil the rest
        notes.append(f"{left_out}: {_in_one_line(error) or type(error).__name__}")
    kept = [*evenly(made[True], MAX_CASES), *unseen, *evenly(made[False], MAX_CASES)]
    return [one for one in kept if len(one) <= MOST_BYTES_OF_A_CASE]


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in what takes more CPU time."""

    def end(*_: object) -> None:
        raise TimeoutError(f"it took more than {seconds:.0f} s of CPU time")

    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds, AND_AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _cases(operation: Any, *, is_valid: bool) -> Iterator[Any]:
    """Yield the first cases: of a large body there are thousands, and each takes its time."""
    schema = operation.schema
    config = schema.config.generation_for(operation=operation)
    modes = [GenerationMode.POSITIVE if is_valid else GenerationMode.NEGATIVE]
    made = schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=config)
    for case in islice(made, MOST_MADE):
        if case.method.upper() == operation.method.upper():
            yield case


def _with_one_unseen(operation: Any) -> Iterator[Any]:
    """Yield the first valid case with one value of its body changed, then as it was: its name may be used up now."""
    case = next((one for one in _cases(operation, is_valid=True) if _has_values(one.body)), None)
    described = next((one for one in operation.body if case and one.media_type == case.media_type), None)
    if case is None or described is None:
        return
    validator = make_validator(described.optimized_schema, operation.schema.adapter.jsonschema_validator_cls)
    for body in [*with_one_unseen(case.body, validator.is_valid), case.body]:
        yield operation.Case(
            path_parameters=case.path_parameters, query=case.query, headers=case.headers, cookies=case.cookies,
            body=body, media_type=case.media_type,
        )  # fmt: skip


def _has_values(body: Any) -> bool:
    """Whether a case has a body that consists of named values or of a list of them."""
    return isinstance(body, dict | list) and bool(body)


def _name(operation: Any) -> tuple[str, str]:
    return operation.method.upper(), operation.path


def _plain(operation: Any, case: Any) -> dict[str, Any]:
    """Return a case as it goes over the wire."""
    sent = case.as_transport_kwargs(base_url=BASE)
    known = {
        name: sent[name] for name in ("method", "url", "headers", "params", "json", "data", "files") if name in sent
    }
    prepared = Request(**known).prepare()
    parts = urlsplit(str(prepared.url))
    body = prepared.body or b""
    method, template = _name(operation)
    return {
        "method": method,
        "template": template,
        "path": parts.path + (f"?{parts.query}" if parts.query else ""),
        "headers": {name: _text(value) for name, value in prepared.headers.items() if name.lower() not in OURS},
        "body": base64.b64encode(body.encode() if isinstance(body, str) else body).decode(),
        "valid": case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE,
    }


def _text(value: str | bytes) -> str:
    """Return a header's value. Raises `UnicodeEncodeError` for one that no request can have."""
    return (value if isinstance(value, bytes) else value.encode("latin-1")).decode("latin-1")


def _in_one_line(error: object) -> str:
    return " ".join(str(error).split())[:200]


if __name__ == "__main__":
    main()
