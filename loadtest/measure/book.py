"""Files of figures that are whole on disk at any moment, so that a killed run leaves what it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar


def write_whole(path: Path, page: Mapping[str, object]) -> None:
    """Write `page` as JSON to `path`: whoever reads the file finds this page or the one before, and no part of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".part")
    new.write_text(json.dumps(page, indent=2) + "\n")
    new.replace(path)


class Written(Protocol):
    """A row of a file: `name` identifies it."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def as_json(self) -> dict[str, Any]: ...  # noqa: D102


AnyRow = TypeVar("AnyRow", bound=Written)


class Book(Generic[AnyRow]):
    """The file of rows, whole on disk after each row, so that a killed run leaves what it has."""

    def __init__(self, path: Path, environment: Mapping[str, object]) -> None:
        self.rows: dict[str, AnyRow] = {}
        self._path = path
        self._environment = dict(environment)
        self._write()

    def put(self, row: AnyRow) -> None:
        """Add a row, or put a later reading in the place of an earlier one, and write the file."""
        self.rows[row.name] = row
        self._write()

    def _write(self) -> None:
        page = {"environment": self._environment, "rows": [row.as_json() for row in self.rows.values()]}
        write_whole(self._path, page)
