"""What holds for every test."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NEVER_TRACED = {TESTS / "probe" / "test_census.py", TESTS / "service" / "test_twins.py"}
"""Tests that count their own steps, or to the byte what the process holds: a tracer would count too."""


@pytest.fixture(autouse=True)
def untraced(request: pytest.FixtureRequest) -> Iterator[None]:
    """Measure no coverage where a tracer on each frame changes what is counted.

    It stops the tracer itself, since a worker of pytest-xdist has two, and pytest-cov's `no_cover` stops one of them.
    """
    if request.path not in NEVER_TRACED or sys.gettrace() is None:
        yield
        return
    tracer, threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    yield
    sys.settrace(tracer)
    threading.settrace(threads)
