"""What holds for every test."""

from pathlib import Path

import pytest

COUNTS_ITS_OWN_STEPS = Path(__file__).parent / "probe" / "test_census.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage where a tracer on each frame changes what is counted: the steps of the census."""
    for item in items:
        if item.path == COUNTS_ITS_OWN_STEPS:
            item.add_marker(pytest.mark.no_cover)
