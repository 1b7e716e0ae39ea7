"""Virtual environments of other Pythons, made from the package index, with nothing of ours in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.interpreters import interpreter


def environment(folder: Path, version: str, *packages: str) -> Path:
    """Make an environment, unless it is there; returns its folder of commands. Skips without that Python."""
    python = interpreter(version)
    place = folder / f"python{version}"
    without_ours = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    uv = [sys.executable, "-m", "uv", "--quiet"]
    if not place.exists():
        subprocess.run([*uv, "venv", "--python", python, str(place)], check=True, env=without_ours)
    commands = place / "bin"
    if packages:
        install = [*uv, "pip", "install", "--python", str(commands / "python"), *packages]
        subprocess.run(install, check=True, env=without_ours)
    return commands
