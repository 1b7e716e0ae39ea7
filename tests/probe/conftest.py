"""What holds for the tests of the probe."""

import gc
from typing import Iterator

import pytest


@pytest.fixture(autouse=True)
def small_heap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide from the collector what is there before a test: the heap of a whole test run takes seconds to look through.

    The probe would find what is frozen all the same, so it is told that nothing is. What looks for the names of objects
    begins at all modules nevertheless; its tests have a process of their own, and so have those of what is frozen.
    """
    gc.freeze()
    monkeypatch.setattr(gc, "get_freeze_count", int)
    yield
    gc.unfreeze()
