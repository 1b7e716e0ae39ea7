"""What a test needs and this machine lacks: skipped for a newcomer, a failure where it was asked for."""

import os
from typing import NoReturn

import pytest


def missing(name: str, what_to_do: str) -> NoReturn:
    """Skip the test, since `name` is not here; fail it where `SADPATH_REQUIRE`, a list with commas, has that name."""
    if name in os.environ.get("SADPATH_REQUIRE", "").split(","):
        pytest.fail(f"{name} is not here, and SADPATH_REQUIRE asks for it: {what_to_do}")
    pytest.skip(f"{name} is not here: {what_to_do}")
