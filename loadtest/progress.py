"""Say how far a long measurement is."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console


def progress(console: Console) -> Callable[[str], None]:
    """Return what prints one line with the seconds since now."""
    began = time.monotonic()
    return lambda line: console.print(f"{time.monotonic() - began:4.0f} s  {line}", soft_wrap=True, highlight=False)
