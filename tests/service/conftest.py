from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.errors import reused_errors
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


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A service with its controls exposed."""
    with TestClient(create_app(Settings(arm="test", control=True, context_kb=1))) as client:
        yield client
