"""What people install: the built wheel, alone and with each extra, in an empty environment."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.interpreters import interpreter

ROOT = Path(__file__).parents[2]
VERSIONS = ["3.11", "3.15"]
IMPORTS = {
    "": "import sadpath.plugins.prometheus, sadpath.sources, sadpath.probe.census, sadpath.probe.memory",
    "verdict": "import sadpath.verdict.judge, sadpath.verdict.sampling",
    "report": "import sadpath.report",
    "locust": "import sadpath.plugins.locust, sadpath.plugins.locust_metrics",
    "cli": "import sadpath.cli",
    "docker": "import docker, sadpath.sources",
    "all": "import sadpath.plugins.locust, docker, sadpath.cli",  # gevent patches what is imported after it
}
"""What each extra makes importable; without a name, what is there with no extra."""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=110, check=False)


def uv(*arguments: str | Path) -> None:
    done = run(sys.executable, "-m", "uv", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    (built,) = folder.glob("sadpath-*.whl")
    return built


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
    """`sadpath --help` after `pip install 'sadpath[cli]'`."""
    done = run(installed(wheel, "cli", version, tmp_path) / "sadpath", "--help")
    assert done.returncode == 0, done.stderr
    assert "report" in done.stdout


@pytest.mark.slow
def test_the_command_without_its_extra_is_one_clear_line(wheel: Path, tmp_path: Path) -> None:
    """After a plain `pip install sadpath` it says what to type, and shows no traceback."""
    done = run(installed(wheel, "", VERSIONS[0], tmp_path) / "sadpath", "--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sadpath: the command needs more packages; type pip install 'sadpath[cli]'\n"
