from collections.abc import Iterator

import pytest

from tests.grafana.lab import Lab, Prometheus, lab, prometheus


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The whole lab, run once: the memory of two arms diverges, and one is killed at its memory limit."""
    with lab(tmp_path_factory.mktemp("lab")) as one:
        yield one


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes nothing."""
    with prometheus(tmp_path_factory.mktemp("empty"), targets={}) as one:
        yield one
