"""A program that a test needs and that is not installed: the test is skipped, or fails where it is required."""

import os
from typing import NoReturn

import pytest


def missing(name: str, what_to_do: str) -> NoReturn:
    """Skip the test, since `name` is not installed; fail it if `SADPATH_REQUIRE`, separated by commas, has the name."""
    if name in os.environ.get("SADPATH_REQUIRE", "").split(","):
        pytest.fail(f"{name} is not installed, but SADPATH_REQUIRE requires it: {what_to_do}")
    pytest.skip(f"{name} is not installed: {what_to_do}")
