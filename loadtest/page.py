"""Pages of figures that are whole on disk at any moment, so that a killed run leaves what it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def write_whole(path: Path, page: Mapping[str, object]) -> None:
    """Write `page` as JSON to `path`: whoever reads the file finds this page or the one before, and no part of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".part")
    new.write_text(json.dumps(page, indent=2) + "\n")
    new.replace(path)
