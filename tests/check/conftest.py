"""A service to check, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.ports import free_port

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Checked:
    """What `sadpath check` printed and wrote."""

    status: int
    out: str
    err: str
    summary: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> dict[str, Any]:
        """The result of one path, by `METHOD PATH STATUS`."""
        return next(one for one in self.summary["paths"] if f"{one['method']} {one['path']} {one['status']}" == name)


def check(folder: Path, *arguments: str | Path, cwd: Path = HERE, timeout_s: float = 110) -> Checked:
    """Run `sadpath check` to its end."""
    file = folder / "check.json"
    command = [sys.executable, "-m", "sadpath", "check", "--json", file, *arguments]
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment()
    )
    return Checked(done.returncode, done.stdout, done.stderr, json.loads(file.read_text()) if file.exists() else {})


def environment(**more: str) -> dict[str, str]:
    """This process's environment, without what a CI adds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return {**kept, "PYTHONPATH": str(HERE.parents[1]), **more}


def shop(port: int | None = None) -> list[str]:
    """The command that serves tests/check/shop.py."""
    return [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port or free_port()), "--no-access-log"]
