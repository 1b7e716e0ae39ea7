"""The one command line, as it is typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.commands import run
from service.twins.registry import TWINS

ROOT = Path(__file__).parents[2]
COMMANDS = ("demo", "twins", "up", "down", "slides")


def test_help_lists_every_command_with_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """None is cut off, in a terminal of eighty columns."""
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    listed = re.findall(r"^  (\w+) +\S.*[^.]\.$", shown[shown.index("Commands:") :], re.MULTILINE)
    assert tuple(name for name in listed if name in COMMANDS) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its usage, as it is typed."""
    assert run([command, "--help"]) == 0
    assert f"python -m loadtest {command}" in capsys.readouterr().out


def test_the_twins_are_listed_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """By the names that TWIN takes, each with its title."""
    assert run(["twins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [twin.slug for twin in TWINS]
    assert all(len(line.split()) > 1 for line in lines)


def test_an_unknown_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and what to type."""
    assert run(["sideways"]) == 2
    assert "No such command 'sideways'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "down"])
def test_the_compose_demo_needs_the_standard_library_alone(command: str) -> None:
    """A speaker has Docker and Python, and no virtual environment."""
    typed = [sys.executable, "-S", "-m", "loadtest", command, "--help"]
    done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
