import os
import subprocess
import sys
from pathlib import Path

import pytest

from service import app

ROOT = Path(__file__).parents[2]


def settings_of(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """The settings of a service in this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return str(app._settings())  # noqa: SLF001 - what the app is made with


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting's variable is its name with the prefix `LAB_`."""
    environment = {"LAB_ARM": "reused", "LAB_CONTROL": "1", "LAB_CONTEXT_KB": "64", "LAB_MEMORY_LIMIT_MB": "256"}
    shown = settings_of(monkeypatch, **environment)
    assert "arm='reused' control=True context_kb=64 memory_limit_mb=256" in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAB_CONTEXT_KB", "lots"),
        ("LAB_CONTEXT_KB", "4097"),
        ("LAB_MEMORY_LIMIT_MB", "0"),
        ("LAB_CONTROL", "perhaps"),
    ],
)
def test_an_invalid_setting_ends_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The line names the variable, its value and what is wrong."""
    with pytest.raises(SystemExit) as end:
        settings_of(monkeypatch, **{name: value})
    assert str(end.value).startswith(f"{name}={value}: ")
    assert "\n" not in str(end.value)


def test_the_line_is_all_that_the_server_prints() -> None:
    """Without a traceback, where uvicorn imports the app."""
    command = [sys.executable, "-c", "import service.app"]
    environment = {**os.environ, "LAB_CONTROL": "perhaps"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("LAB_CONTROL=perhaps: ")
    assert done.stderr.count("\n") == 1
