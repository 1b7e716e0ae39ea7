"""The wheel, installed alone in an empty environment, checks services that live in others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments.pythons import LAB, NEWEST, PROBE
from loadtest.ports import free_port
from sadpath.check.service.listening import is_taken
from tests.check.environments import environment
from tests.representatives import some
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "tests" / "check" / "services"
PATHS = ["--request", "GET /leak", "--request", "GET /fresh"]


@pytest.fixture(scope="module")
def sadpath(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of the wheel, in an environment that has nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    lock = ["--constraint", str(ROOT / "requirements" / "dev.txt")]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *lock, str(wheel)], check=True)
    return python.with_name("sadpath")


def checked(sadpath: Path, folder: Path, arguments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Check a service with nothing of ours on its path; the results by path."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "GITHUB"))
    }
    file = folder / "check.json"
    command = [str(sadpath), "check", "--json", str(file), *PATHS, *arguments]
    done = subprocess.run(
        command, cwd=SERVICES, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return {one["path"]: one for one in json.loads(file.read_text())["paths"]}


def assert_that_the_constant_is_named(found: dict[str, dict[str, Any]]) -> None:
    """And its twin is flat."""
    assert found["/leak"]["cause"]["held_by"] == "__main__.Errors.refused"
    assert found["/fresh"]["verdict"] == "flat"


@pytest.mark.parametrize("version", some(PROBE, on_every_change=PROBE[:1]))
def test_it_starts_and_checks_a_service_of_another_python(version: str, sadpath: Path, tmp_path: Path) -> None:
    """Whose environment has nothing in it."""
    python = environment(tmp_path, version) / "python"
    assert_that_the_constant_is_named(checked(sadpath, tmp_path, ["--", str(python), "plain.py", str(free_port())]))


@pytest.mark.parametrize("version", some(LAB[LAB.index("3.14") :], on_every_change=[NEWEST]))
def test_it_attaches_to_a_service_that_runs(version: str, sadpath: Path, tmp_path: Path) -> None:
    """Which runs on afterwards."""
    python, port = environment(tmp_path, version) / "python", free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([python, "plain.py", str(port)], cwd=SERVICES, **quiet) as service:  # type: ignore[call-overload]
        try:
            until(lambda: is_taken(port), PATIENCE_S, "the service listens")
            options = [f"http://127.0.0.1:{port}", "--pid", str(service.pid)]
            assert_that_the_constant_is_named(checked(sadpath, tmp_path, options))
            assert service.poll() is None
        finally:
            service.terminate()
