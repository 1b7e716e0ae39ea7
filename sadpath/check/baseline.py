"""Known leaks, which a check accepts: the JSON of an earlier check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sadpath.errors import CommandError, Status


def read_baseline(file: Path) -> frozenset[str]:
    """Return the names of the paths that leaked, as `GET /users/{id} 404`. Raises `CommandError`."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        leaks = [one for one in content["paths"] if one["verdict"] == "leaks"]
        return frozenset(f"{one['method']} {one['path']} {one['status']}" for one in leaks)
    except OSError as error:
        raise CommandError(
            f"cannot read the baseline {file}: {error.strerror}; write one with --json {file}", Status.WRONG_COMMAND
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{file} is not the result of a check; write one with: sadpath check --json {file} …", Status.WRONG_COMMAND
        ) from error
