"""What to report when Sadpath itself is at fault: a file with the traceback and the versions."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

import sadpath


def described(error: BaseException) -> str:
    """Return the versions and the traceback: places in code, and no values of variables."""
    traceback.clear_frames(error.__traceback__)  # what they hold may be what memory was too small for
    versions = f"Sadpath {sadpath.__version__}, Python {sys.version}, {platform.platform()}"
    return "".join([versions, "\n\n", *traceback.format_exception(error)])


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
