"""Wait for what will happen, instead of sleeping and hoping."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Return as soon as `condition` holds; fail with `what` if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.02)
