"""What holds for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracing import untraced

PROBE = Path(__file__).parent / "probe"
COUNTS_ITS_OWN_STEPS = {PROBE / "test_census.py", PROBE / "test_census_places.py"}


@pytest.fixture(autouse=True)
def steps_of_its_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """Measure no coverage of the census in its own tests: a tracer on each frame changes the steps that they count."""
    if request.path not in COUNTS_ITS_OWN_STEPS:
        yield
        return
    with untraced():
        yield
