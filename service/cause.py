"""The cause for people: the exception object that retains most, where it is raised, and its newest entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from sadpath.probe.census import Look
from sadpath.probe.raise_sites import raise_sites

ENTRIES = 24
"""The newest entries that are returned: about one raise of the headline's."""

CALLERS = 4
ROOT = str(Path(__file__).parents[1])


@dataclass(frozen=True)
class Entry:
    """One traceback entry: the frame that it retains, the names of that frame's locals, and its callers (`f_back`)."""

    function: str
    file: str
    line: int
    local_names: list[str]
    callers: list[str]


@dataclass(frozen=True)
class Cause:
    """One exception object, how much it retains, where it is raised, and its newest entries, the newest first."""

    error: str
    type: str
    entries: int
    frames: int
    estimated_bytes: int
    raise_sites: list[dict[str, Any]]
    chain: list[Entry]


def cause(errors: Mapping[str, BaseException], looks: Mapping[str, Look]) -> Cause | None:
    """Return the cause; None where no object that is followed retains anything."""
    name = max(looks, key=lambda one: looks[one].entries, default="")
    error, look = errors.get(name), looks.get(name)
    if not error or not look or not look.entries:
        return None
    sites = [{**site, "file": _short(site["file"])} for site in raise_sites(error.__traceback__)]
    chain = [_entry(entry) for entry in islice(_entries(error.__traceback__), ENTRIES)]
    return Cause(name, type(error).__qualname__, look.entries, look.frames, look.estimated_bytes, sites, chain)


def _entry(entry: TracebackType) -> Entry:
    code = entry.tb_frame.f_code
    callers = [frame.f_code.co_name for frame in islice(_callers(entry.tb_frame), CALLERS)]
    # Names only: their values would become a dict that the frame keeps, in the very memory that is measured.
    names = [*code.co_varnames, *code.co_cellvars]
    return Entry(code.co_name, _short(code.co_filename), entry.tb_lineno or 0, list(dict.fromkeys(names)), callers)


def _entries(entry: TracebackType | None) -> Iterator[TracebackType]:
    while entry:
        yield entry
        entry = entry.tb_next


def _callers(frame: FrameType) -> Iterator[FrameType]:
    while caller := frame.f_back:
        yield caller
        frame = caller


def _short(file: str) -> str:
    """Return a path from our root, or from the folder of installed packages."""
    if "site-packages" in file:
        return file.rpartition("site-packages")[2].lstrip("/")
    return file.removeprefix(ROOT).lstrip("/")
