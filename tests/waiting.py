"""Wait for a condition instead of sleeping for a fixed time."""

import time
from collections.abc import Callable

PATIENCE_S = 300.0
"""How long to wait for what comes in a second where the machine is idle: it only ends what hangs."""


def until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Return as soon as `condition` holds; after `timeout_s` seconds, fail with `what`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout_s:g} s waiting for {what}")
        time.sleep(0.02)
