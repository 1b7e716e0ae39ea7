"""What holds for every test."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

COUNTS_ITS_OWN_STEPS = Path(__file__).parent / "probe" / "test_census.py"


@pytest.fixture(autouse=True)
def untraced(request: pytest.FixtureRequest) -> Iterator[None]:
    """Measure no coverage where a tracer on each frame changes what is counted: the steps of the census.

    It stops the tracer itself, since a worker of pytest-xdist has two, and pytest-cov's `no_cover` stops one of them.
    """
    if request.path != COUNTS_ITS_OWN_STEPS or sys.gettrace() is None:
        yield
        return
    tracer, threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    yield
    sys.settrace(tracer)
    threading.settrace(threads)
