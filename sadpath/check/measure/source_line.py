"""Read a line of a source file that the service names: any path at all, so only what is a file like another is read."""

from __future__ import annotations

import io
import os
import tokenize
from itertools import islice
from pathlib import Path

from sadpath.files import open_regular

MAX_BYTES = 4 << 20
"""Of a file from its beginning; a line further on is not shown."""

LONGEST_LINE = 200
"""Characters that are shown of a line."""

MADE_BY_THE_KERNEL = tuple(map(Path, ("/proc", "/sys", "/dev")))
"""Where a file may be another process's memory or environment, or may do something when it is read."""


def source_line(file: str, number: int) -> str:
    """Return a line without the white space around it, cut; empty where there is none that can be read.

    Opens nothing but regular files, and never waits for one: a pipe that nobody writes to would not open.
    """
    try:
        content = _beginning(Path(file))
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        lines = io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace")
        line = next(islice(lines, number - 1, None), "").strip()
    except (OSError, ValueError, SyntaxError, LookupError):
        return ""
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def _beginning(file: Path) -> bytes:
    """Return what a file begins with. Raises `OSError` of what is no regular file, `ValueError` of what is no path."""
    place = Path(os.path.abspath(file))  # noqa: PTH100 - the names that lead there count, and the file at the end
    if any(place.is_relative_to(folder) for folder in MADE_BY_THE_KERNEL):
        raise OSError
    with open_regular(place) as opened:
        if os.fstat(opened.fileno()).st_dev in _mounted_by_the_kernel():  # a link may lead there
            raise OSError
        return opened.read(MAX_BYTES)


def _mounted_by_the_kernel() -> set[int]:
    return {folder.stat().st_dev for folder in MADE_BY_THE_KERNEL if folder.is_mount()}
