"""Odd requests to an arm, as its OpenAPI description allows and forbids them: each answer is described there.

Schemathesis and Locust do not get along in one process: the arm is one of its own, and no test here imports Locust.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from loadtest.ports import free_port
from loadtest.server import Server, running, service
from service.app import create_app
from service.settings import Settings
from tests.generated import examples

pytestmark = pytest.mark.timeout(3600)

MEMORY_LIMIT_MB = "1536"
"""For the machine's sake; what the requests retain is released long before."""

RELEASE_EACH = 100
"""Requests after which what the twins retain is released: they leak, and this is not about that."""

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
schema: Any = schemathesis.openapi.from_dict(create_app(Settings(control=True)).openapi())
"""What an arm says that it answers, with its controls."""

OPERATIONS = {one.label: one for one in (found.ok() for found in schema.get_all_operations())}
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
"""A test each, with an id of its own: pytest gives all that schemathesis would make the same, and xdist runs one."""

sent = itertools.count()


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The lab's service, with its controls."""
    server = service("fuzzed", tmp_path_factory.mktemp("fuzzed"), free_port(), LAB_MEMORY_LIMIT_MB=MEMORY_LIMIT_MB)
    with running(server):
        yield server


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that no proxy of the environment gets."""
    with requests.Session() as one:
        one.trust_env = False
        yield one


@pytest.mark.slow
@each_operation
def test_a_few_odd_requests_are_answered_as_described(operation: Any, arm: Server, session: requests.Session) -> None:
    """The representative of those below: a few to each operation."""
    try_operation(operation, arm, session, 3)


@pytest.mark.trial
@each_operation
def test_odd_requests_are_answered_as_described(operation: Any, arm: Server, session: requests.Session) -> None:
    """As many to each operation as it allows, up to 750: no status, content type or field that it does not declare."""
    try_operation(operation, arm, session, 750)


def try_operation(operation: Any, arm: Server, session: requests.Session, count: int) -> None:
    """Send so many requests to an operation, which its description allows and forbids, the same ones each time."""

    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    @examples(count)
    def send(case: Any) -> None:
        judge(case, arm, session)

    send()


def judge(case: Any, arm: Server, session: requests.Session) -> None:
    """Send the request, and compare its answer with the description."""
    if next(sent) % RELEASE_EACH == 0:
        session.post(f"{arm.url}/lab/release", timeout=120).raise_for_status()
    case.call_and_validate(base_url=arm.url, session=session, timeout=120, checks=CHECKS)
