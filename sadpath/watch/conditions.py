"""Under which conditions a run was made: what was typed, where, when, and with which settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sadpath.files import write_json
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES

VERSION_NAMES = {"python": "Python", "starlette": "Starlette", "fastapi": "FastAPI"}


@dataclass(frozen=True)
class Conditions:
    """Everything about a run that is not in its samples; empty or None where it is unknown.

    `started` is a time in ISO 8601, UTC. `command` is what was typed, `host` the machine that sent the load, `services`
    the address of each watched service, `environment` the versions of what was measured, `about` what it was. A verdict
    depends on `warm_up_s`, on `bytes_per_request`, below which growth is flat, and an exit status on
    `allow_inconclusive`.
    """

    started: str = ""
    sadpath: str = ""
    command: str = ""
    host: str = ""
    users: int | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    warm_up_s: float | None = None
    bytes_per_request: float = FLAT_BELOW_IN_PAGES
    allow_inconclusive: bool = False
    about: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> str:
        """What it was measured with, for a title: `Python 3.13.1, Starlette 1.10.0`; empty where it is unknown."""
        return versions_in_words(self.environment)


def versions_in_words(environment: Mapping[str, object]) -> str:
    """Return the versions that an environment names, for a title."""
    return ", ".join(f"{name} {environment[key]}" for key, name in VERSION_NAMES.items() if environment.get(key))


def now() -> str:
    """Return the time, as in `Conditions.started`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_conditions(path: Path, conditions: Conditions) -> None:
    """Write them as JSON; a reader finds the file complete or not at all."""
    write_json(path, asdict(conditions))


def read_conditions(path: Path) -> Conditions:
    """Read them; all unknown where there is no such file, or one that is not ours."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        return Conditions(**{one.name: found[one.name] for one in fields(Conditions) if one.name in found})
    except (OSError, ValueError, TypeError):
        return Conditions()
