import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    """Import the app as uvicorn does, with these settings."""
    environment = {**os.environ, **settings}
    command = [sys.executable, "-c", "import service.app; print(service.app.app.state.lab.settings)"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_settings_come_from_the_environment() -> None:
    """A setting's variable is its name with the prefix `LAB_`."""
    shown = start(LAB_ARM="reused", LAB_CONTROL="1", LAB_CONTEXT_KB="64", LAB_MEMORY_LIMIT_MB="256").stdout
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
def test_an_invalid_setting_is_one_line_without_a_traceback(name: str, value: str) -> None:
    """The line names the variable, its value and what is wrong."""
    result = start(**{name: value})
    assert result.returncode == 1
    assert result.stderr.startswith(f"{name}={value}: ")
    assert result.stderr.count("\n") == 1
