"""What people and programs read of a check: terminals, JSON, JUnit, GitHub Actions, a page.

A new format is a module here, a line in `WRITERS`, and its option in `sadpath.check.cli`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sadpath.check.events import Ended, Event, PathsDecided, do_all
from sadpath.check.report.github import write_for_github
from sadpath.check.report.junit import write_junit
from sadpath.check.report.page import write_page
from sadpath.check.result import Check, write_json
from sadpath.errors import CommandError, writing_to
from sadpath.files import is_stream

WRITERS: dict[str, Callable[[Path, Check], None]] = {"json": write_json, "junit": write_junit, "html": write_page}
"""What writes each format into a file; each is also the name of an option."""

DURING = {"json"}
"""The formats that are written after each decided path too, so that a kill leaves what was measured."""


@dataclass(frozen=True)
class Files:
    """Writes the files that were asked for, by their format, and what GitHub Actions reads."""

    files: Mapping[str, Path]

    def check_folders(self) -> None:
        """Raise `CommandError` if a file could not be written, before anything is measured for it."""
        for file in self.files.values():
            with writing_to(file):
                if is_stream(file):
                    continue
                file.parent.mkdir(parents=True, exist_ok=True)
                if file.is_dir() or not os.access(file.parent, os.W_OK):
                    raise CommandError(f"cannot write to {file}: it is a folder, or its folder is read-only")

    def handle(self, event: Event) -> None:
        """Write at the end, or after a decided path. Raises `CommandError`."""
        if not isinstance(event, PathsDecided | Ended):
            return
        is_over = isinstance(event, Ended)
        due = {name: file for name, file in self.files.items() if is_over or (name in DURING and not is_stream(file))}
        works = [partial(_write, name, file, event.check) for name, file in due.items()]
        do_all([*works, partial(write_for_github, event.check)] if is_over else works)


def _write(name: str, file: Path, check: Check) -> None:
    with writing_to(file):
        WRITERS[name](file, check)
