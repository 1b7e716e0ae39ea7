"""What holds for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracing import untraced

COUNTS_ITS_OWN_STEPS = Path(__file__).parent / "probe" / "test_census.py"


@pytest.fixture(autouse=True)
def steps_of_its_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """Measure no coverage of the census in its own tests: a tracer on each frame changes the steps that they count."""
    if request.path != COUNTS_ITS_OWN_STEPS:
        yield
        return
    with untraced():
        yield
