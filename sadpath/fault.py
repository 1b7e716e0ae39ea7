"""What to report when Sadpath itself is at fault: a file with the traceback and the versions."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path

import sadpath

SHORTEST_SECRET = 4
"""Characters. A shorter value, such as a 1, would be left out everywhere, and is no secret."""

_secrets: set[str] = set()


def keep_secret(values: Iterable[str]) -> None:
    """Keep these out of what is reported, such as the values of headers: an error's message may have them."""
    _secrets.update(value for value in values if len(value) >= SHORTEST_SECRET)


def secrets() -> frozenset[str]:
    """Return what is kept out."""
    return frozenset(_secrets)


def described(error: BaseException) -> str:
    """Return the versions and the traceback: places in code, messages, and no values of variables."""
    traceback.clear_frames(error.__traceback__)  # what they hold may be what memory was too small for
    versions = f"Sadpath {sadpath.__version__}, Python {sys.version}, {platform.platform()}"
    return without_secrets("".join([versions, "\n\n", *traceback.format_exception(error)]))


def without_secrets(text: str) -> str:
    """Return the text without what is kept secret."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def kept(report: str) -> Path:
    """Write a new file, which only its owner can read, and return it. Raises `OSError`."""
    number, name = tempfile.mkstemp(prefix="sadpath-fault-", suffix=".txt")
    try:
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123 - it is open
            file.write(report)
    except OSError:
        Path(name).unlink()
        raise
    return Path(name)
