"""What people install: the built wheel, alone and with each extra, in an empty environment."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from experiments.pythons import LAB, NEWEST
from tests.interpreters import interpreter
from tests.representatives import some
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
VERSIONS = some([LAB[0], NEWEST], on_every_change=LAB[:1])
IMPORTS = {
    "": "import sadpath.plugins.locust, sadpath.cli, sadpath.watch.sampler",  # gevent patches what comes after it
    "docker": "import docker, sadpath.sources.container",
    "all": "import sadpath.plugins.locust, docker, sadpath.cli",
}
"""What each extra makes importable; without a name, what is there with no extra."""

IN_A_SERVICE = """
import sadpath
from prometheus_client import CollectorRegistry, generate_latest

installed = sadpath.install(lambda environ, start: [], {"gone": ValueError("gone")}, registry=CollectorRegistry())
print(generate_latest(installed.registry).decode())
"""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def uv(*arguments: str | Path) -> None:
    done = run(sys.executable, "-m", "uv", *arguments)
    assert done.returncode == 0, done.stderr


def installed(wheel: Path, extra: str, version: str, folder: Path) -> Path:
    """Install the wheel with an extra into a new environment, at the versions of the lock; return its programs."""
    uv("venv", "--quiet", "--python", interpreter(version), folder / "environment")
    programs = folder / "environment" / "bin"
    lock = ROOT / "requirements" / "dev.txt"
    named = f"sadpath[{extra}] @ {wheel.as_uri()}"
    uv("pip", "install", "--quiet", "--python", programs / "python", "--constraint", lock, named)
    return programs


def test_every_extra_is_tried() -> None:
    """An extra that is new in pyproject.toml needs a line here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"", *project["optional-dependencies"]} == set(IMPORTS)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("extra", IMPORTS)
def test_the_wheel_works_with_each_extra(wheel: Path, extra: str, version: str, tmp_path: Path) -> None:
    """What the extra is for can be imported, and nothing that it needs is missing."""
    programs = installed(wheel, extra, version, tmp_path)
    done = run(programs / "python", "-W", "error", "-c", IMPORTS[extra])
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_works_where_it_is_installed(wheel: Path, version: str, tmp_path: Path) -> None:
    """`sadpath --help` after a plain `pip install sadpath`."""
    done = run(installed(wheel, "", version, tmp_path) / "sadpath", "--help")
    assert done.returncode == 0, done.stderr
    assert "report" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_service_needs_two_packages_alone(wheel: Path, version: str, tmp_path: Path) -> None:
    """`sadpath.install` works without the command's packages, and the command says what to type."""
    uv("venv", "--quiet", "--python", interpreter(version), tmp_path / "environment")
    programs = tmp_path / "environment" / "bin"
    lock = ROOT / "requirements" / "dev.txt"
    into = ("pip", "install", "--quiet", "--python", programs / "python")
    uv(*into, "--no-deps", wheel)
    uv(*into, "--constraint", lock, "prometheus-client", "psutil")
    done = run(programs / "python", "-W", "error", "-c", IN_A_SERVICE)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'sadpath_traceback_entries{error="gone"} 0.0' in done.stdout
    done = run(programs / "sadpath", "--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sadpath: the command needs packages that were left out; type pip install sadpath\n"
