"""A valid body with one value in it that a service cannot know: an unknown id, a wrong password.

Whatever is refused for its form stops before the service's own code; this reaches it, and is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

NUMBERS = (999_999_999, 999_999, 9_999, 999, 99, 9)
TEXTS = (
    "sadpath-no-such-value",
    "nobody@sadpath.example",
    "00000000-0000-4000-8000-00005adba7e0",
    "https://sadpath.example/none",
    "1999-09-09",
    "1999-09-09T09:09:09Z",
    "999999999",
    "sadpath",
    "zz9",
    "9",
)
"""Each of another form, as a schema may demand them."""

MOST_VALUES = 12
"""Of one body, in turn."""


def with_one_unseen(body: Any, is_valid: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield the body with one of its texts or numbers changed, each in turn, as long as it stays valid."""
    changed = (next((one for one in ways if is_valid(one)), None) for ways in _ways(body))
    yield from islice((one for one in changed if one is not None), MOST_VALUES)


def _ways(value: Any) -> Iterator[Iterator[Any]]:
    """Yield for each text and number in a value the ways to change it, as the whole value then is."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            for ways in _ways(part):
                yield (_replaced(value, key, one) for one in ways)
    elif isinstance(value, str):
        yield (one for one in TEXTS if one != value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield (type(value)(one) for one in NUMBERS if one != value)


def _replaced(value: Any, key: Any, part: Any) -> Any:
    changed = value.copy()
    changed[key] = part
    return changed
