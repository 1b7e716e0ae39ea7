"""Send a service requests that its OpenAPI description allows, and ones that it does not: `fuzz_runner URL COUNT SEED`.

It runs in a process of its own, prints a line of JSON for each `BATCH` requests, and is all that needs schemathesis.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

BATCH = 1000
SLICE = 20
"""Requests to one operation before the next gets its turn."""

RELEASE_EACH = 100
"""Requests after which what the twins retain is released: they leak, and this is not about that."""

TIMEOUT_S = 60.0
MOST_UNANSWERED = 10
"""After so many requests without an answer there is nobody to ask."""

CHECKS = [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
SERVER_ERROR = 500


class Enough(BaseException):
    """All requests were sent, or nobody answers. Not an `Exception`: hypothesis would look for a shorter example."""


class Fuzz:
    """What was sent so far, and what came of it."""

    def __init__(self, url: str, count: int, seed: int) -> None:
        self._url = url
        self._count = count
        self._seed = seed
        self._session = requests.Session()
        self._session.trust_env = False
        self._sent = 0
        self._unanswered = 0
        self._impossible: set[tuple[str, GenerationMode]] = set()
        self._batch = new_batch()

    def run(self) -> None:
        """Ask the operations in turn until all requests were sent."""
        schema: Any = schemathesis.openapi.from_url(f"{self._url}/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        try:
            for number in itertools.count(self._seed):
                for operation in operations:
                    self._ask(operation, number)
        except Enough:
            if self._batch["tried"]:
                self._report()

    def _ask(self, operation: Any, number: int) -> None:
        """Send one slice to one operation."""
        if not (mode := self._mode(operation, number)):
            return

        @seeded(number)
        @settings(
            max_examples=SLICE,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            self._send(case)

        try:
            send()
        except Unsatisfiable:
            self._impossible.add((operation.label, mode))

    def _mode(self, operation: Any, number: int) -> GenerationMode | None:
        """Return whether to send what it allows or what it forbids, in turns; None if there is no such thing."""
        mode = GenerationMode.NEGATIVE if number % 2 and takes_anything(operation) else GenerationMode.POSITIVE
        return None if (operation.label, mode) in self._impossible else mode

    def _send(self, case: Any) -> None:
        if self._sent >= self._count or self._unanswered >= MOST_UNANSWERED:
            raise Enough
        if self._sent % RELEASE_EACH == 0:
            self._session.post(f"{self._url}/lab/release", timeout=TIMEOUT_S)
        self._sent += 1
        self._batch["tried"] += 1
        self._judge(case)
        if self._batch["tried"] == BATCH:
            self._report()

    def _judge(self, case: Any) -> None:
        """Send it, and compare the answer with the description."""
        try:
            response = case.call(base_url=self._url, session=self._session, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            self._unanswered += 1
            self._note("errors", case, f"no answer ({type(error).__name__})")
            return
        self._unanswered = 0
        failures = list(undeclared(case, response))
        if failures:
            kind = "errors" if response.status_code >= SERVER_ERROR else "undeclared"
            self._note(kind, case, f"answered {response.status_code}: {failures[0]}")

    def _note(self, kind: str, case: Any, reason: str) -> None:
        self._batch[kind] += 1
        self._batch["example"] = self._batch["example"] or f"{case.method} {case.formatted_path}: {reason}"

    def _report(self) -> None:
        sys.stdout.write(json.dumps(self._batch) + "\n")
        sys.stdout.flush()
        self._batch = new_batch()


def new_batch() -> dict[str, Any]:
    """Return what is known of no requests."""
    return {"tried": 0, "undeclared": 0, "errors": 0, "example": ""}


def takes_anything(operation: Any) -> bool:
    """Whether there is something that it can forbid."""
    return bool(operation.query or operation.path_parameters or operation.headers or operation.body)


def undeclared(case: Any, response: Any) -> Iterator[str]:
    """Yield in which ways the answer is not as described."""
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as group:
        yield from (one.title for one in group.exceptions)


if __name__ == "__main__":
    Fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).run()
