"""Read a line of a source file that the service names: any path at all, so only what is a file like another is read."""

from __future__ import annotations

import io
import os
import stat
import tokenize
from itertools import islice
from pathlib import Path

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
    if not stat.S_ISREG(place.stat().st_mode):
        raise OSError
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as opened:  # noqa: PTH123 - a descriptor
        if not _is_like_another(os.fstat(descriptor)):
            raise OSError
        return opened.read(MAX_BYTES)


def _is_like_another(opened: os.stat_result) -> bool:
    """Whether it is a regular file, and not on a file system of the kernel's own, to which a link may lead."""
    mounted = {folder.stat().st_dev for folder in MADE_BY_THE_KERNEL if folder.is_mount()}
    return stat.S_ISREG(opened.st_mode) and opened.st_dev not in mounted
