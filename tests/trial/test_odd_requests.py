"""Odd requests to an arm, as its OpenAPI description allows and forbids them: each answer is described there.

Schemathesis and Locust do not get along in one process: the arm is one of its own, and no test here imports Locust.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from loadtest.ports import free_port
from loadtest.server import Server, running, service
from service.app import create_app
from service.settings import Settings

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


def bounded(examples: int) -> settings:
    """Send so many requests to each operation, the same ones each time."""
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


@pytest.mark.slow
@schema.parametrize()  # type: ignore[untyped-decorator]
@bounded(3)
def test_a_few_odd_requests_are_answered_as_described(case: Any, arm: Server, session: requests.Session) -> None:
    """The representative of those below: a few to each operation."""
    judge(case, arm, session)


@pytest.mark.trial
@schema.parametrize()  # type: ignore[untyped-decorator]
@bounded(750)
def test_odd_requests_are_answered_as_described(case: Any, arm: Server, session: requests.Session) -> None:
    """Some 50,000, of which each operation gets as many: no status, content type or field that it does not declare."""
    judge(case, arm, session)


def judge(case: Any, arm: Server, session: requests.Session) -> None:
    """Send the request, and compare its answer with the description."""
    if next(sent) % RELEASE_EACH == 0:
        session.post(f"{arm.url}/lab/release", timeout=120).raise_for_status()
    case.call_and_validate(base_url=arm.url, session=session, timeout=120, checks=CHECKS)
