"""A service to check, and the command."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from loadtest.ports import free_port
from sadpath.cli import app
from sadpath.errors import exit_status
from tests.check.certificates import Certificate, self_signed, signed_by_an_own_authority

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Checked:
    """What `sadpath check` printed and wrote."""

    status: int
    out: str
    err: str
    summary: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> dict[str, Any]:
        """The result of one path, by its name."""
        return next(one for one in self.summary["paths"] if one["name"] == name)


def check(folder: Path, *arguments: str | Path, cwd: Path = HERE, **more: str) -> Checked:
    """Run `sadpath check` to its end, in this process; the service and the driver are processes of their own."""
    file = folder / "check.json"
    out, err = io.StringIO(), io.StringIO()
    typed = ["check", "--json", str(file), *map(str, arguments)]
    with (
        chdir(cwd),
        patch.dict(os.environ, environment(**more), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = exit_status("sadpath", lambda: app(typed))
    summary = json.loads(file.read_text()) if file.exists() else {}
    return Checked(status, out.getvalue(), err.getvalue(), summary)


def environment(**more: str) -> dict[str, str]:
    """This process's environment, without what a CI adds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return {**kept, "PYTHONPATH": str(HERE.parents[1]), **more}


@pytest.fixture(scope="session", params=[self_signed, signed_by_an_own_authority], ids=lambda make: make.__name__)
def certificate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that no authority of the system has signed."""
    made: Certificate = request.param(tmp_path_factory.mktemp("certificate"))
    return made


def shop(port: int | None = None) -> list[str]:
    """The command that serves tests/check/shop.py."""
    return [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port or free_port()), "--no-access-log"]
