"""The two arms that the tests of the load share."""

from collections.abc import Iterator, Sequence

import pytest

from loadtest import ARMS
from loadtest.ports import free_ports
from loadtest.server import Server, running, service


@pytest.fixture(scope="session")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Server]]:
    """A reused and a factory arm that answer; what a test changes in them it takes back."""
    folder = tmp_path_factory.mktemp("arms")
    both = [service(name, folder, port) for name, port in zip(ARMS, free_ports(2), strict=True)]
    with running(*both):
        yield both
