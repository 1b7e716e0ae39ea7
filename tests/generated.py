"""How many examples a property is tried with."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

MANY = int(os.environ.get("SADPATH_EXAMPLES", "1"))
"""How many times as many as in the fast tests."""


def examples(few: int, **more: Any) -> settings:
    """So many, the same each time, however long one takes: a machine may be busy."""
    return settings(
        max_examples=few * MANY,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
