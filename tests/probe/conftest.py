"""What holds for the tests of the probe."""

import gc
from typing import Iterator

import pytest


@pytest.fixture(autouse=True)
def small_heap() -> Iterator[None]:
    """Hide from the collector what is there before a test: the heap of a whole test run takes seconds to look through.

    What looks for the names of objects begins at all modules nevertheless; its tests have a process of their own.
    """
    gc.freeze()
    yield
    gc.unfreeze()
