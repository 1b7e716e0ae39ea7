"""Files that are written whole, or set aside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import Element, indent, tostring

KEPT_RUNS = 10
"""Earlier results that are kept beside the newest."""


STREAMS = ("/dev", "/dev/fd", "/proc/self/fd")
"""Folders in which the system alone makes names: those of devices, and of what a shell has opened for us."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and the folder that it is in, that a reader finds complete or not at all.

    It takes the place of what has its name, also of a link: nothing is written through a link that somebody else may
    have laid. Raises `OSError`; then what was there still is. A device or a pipe is written to as it is.
    """
    if is_stream(path):
        _write_into(path, content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:  # new, and no link
            file.write(content)
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def is_stream(path: Path) -> bool:
    """Whether a device or a pipe has this name, which can be written to but not replaced."""
    if str(path.parent) in STREAMS:
        return True
    return path.exists() and not (path.is_symlink() or path.is_file() or path.is_dir())


def _write_into(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_APPEND), "wb") as stream:  # noqa: PTH123 - it is open
        stream.write(content)


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file to be read, and nothing else: of a pipe or a device nobody knows when it ends.

    It is looked at before and after, since it may be replaced meanwhile. Raises `OSError`, and `ValueError` for what is
    no path.
    """
    if stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - of a text, too
        file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: PTH123, SIM115 - our caller's
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
    raise OSError("it is not a regular file")


def write_json(path: Path, content: object) -> None:
    """Write a file of JSON, whole. Raises `OSError`."""
    write_whole(path, f"{json.dumps(content, indent=2)}\n".encode())


def write_xml(path: Path, root: Element) -> None:
    """Write a file of XML, whole. Raises `OSError`."""
    indent(root)
    write_whole(path, tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def set_aside(  # noqa: PLR0913 - what, where to, its name, and how many
    folder: Path, names: Sequence[str], earlier: Path, *, started: str = "", keep: int = KEPT_RUNS, prefix: str = ""
) -> Path | None:
    """Move the files of these names, which an earlier run left in `folder`, to a folder of their own in `earlier`.

    It is named after `started`, the run's start time, or its last change where that is unknown, with `prefix` before
    it. Only the newest `keep` of such names are kept there. Returns the new folder, or None if there was no earlier
    run. Raises `OSError` if it cannot be moved.
    """
    left = [folder / name for name in names if (folder / name).exists()]
    if not left:
        return None
    changed = datetime.fromtimestamp(left[0].stat().st_mtime, UTC).isoformat(timespec="seconds")
    destination = _unused(earlier / f"{prefix}{_in_a_name(started or changed)}")
    destination.mkdir(parents=True)
    for path in left:
        shutil.move(path, destination / path.name)
    for oldest in earlier_runs(earlier, prefix)[:-keep]:
        shutil.rmtree(oldest)
    return destination


def earlier_runs(earlier: Path, prefix: str = "") -> list[Path]:
    """Return the folders of runs that were set aside, the oldest first."""
    named = re.compile(rf"{re.escape(prefix)}\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d(_\d+)?")
    return sorted(path for path in earlier.iterdir() if path.is_dir() and named.fullmatch(path.name))


def _in_a_name(time: str) -> str:
    return time.partition("+")[0].replace(":", "-")  # Windows has no colon


def _unused(path: Path) -> Path:
    names = [path, *(path.with_name(f"{path.name}_{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())
