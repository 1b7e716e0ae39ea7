"""Many that say the same: CI tries some of them on every change, and `make test-all` and the workflow all."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def some(values: Iterable[str], *, on_every_change: Collection[str]) -> list[Any]:
    """Return the values as parameters of a test, those that are not tried on every change marked as exhaustive."""
    return [
        pytest.param(value, id=value, marks=[] if value in on_every_change else pytest.mark.exhaustive)
        for value in values
    ]
