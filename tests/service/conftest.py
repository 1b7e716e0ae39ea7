from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.errors import reused_errors
from service.lab import Lab
from service.settings import Settings
from service.twins import registry


def release() -> None:
    for error in (reused_errors() | registry.reused_errors()).values():
        error.__traceback__ = error.__context__ = error.__cause__ = None
    registry.forget()


@pytest.fixture(autouse=True)
def nothing_retained() -> Iterator[None]:
    """The reused errors last as long as the process; each test starts and ends with none of their frames retained."""
    release()
    yield
    release()


SETTINGS = Settings(arm="test", control=True, context_kb=1)


@pytest.fixture(scope="module")
def running() -> Iterator[TestClient]:
    """A service with its controls exposed, for all tests of a module."""
    with TestClient(create_app(SETTINGS)) as client:
        yield client


@pytest.fixture
def client(running: TestClient) -> TestClient:
    """The service, as it was when it started but for its counts of requests."""
    lab_of(running).strategy = SETTINGS.strategy
    return running


@pytest.fixture
def fresh_client() -> Iterator[TestClient]:
    """A service that has answered no request."""
    with TestClient(create_app(SETTINGS)) as client:
        yield client


def lab_of(client: TestClient) -> Lab:
    """The state of a service."""
    app: Any = client.app
    lab: Lab = app.state.lab
    return lab
