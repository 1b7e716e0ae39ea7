"""The one command line of the experiments, as it is typed, and what all of them share."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from experiments.commands import run
from experiments.measurement import run_measurement, wrong_command
from experiments.pythons import LAB
from sadpath.errors import CommandError

ROOT = Path(__file__).parents[2]
COMMANDS = ("truth", "matrix", "bench", "cost", "calibrate", "figures", "services")


def test_help_lists_every_command_with_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """None is cut off, in a terminal of eighty columns."""
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert tuple(re.findall(r"^  (\w+) +\S.*[^.]\.$", shown[shown.index("Commands:") :], re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its usage, as it is typed."""
    assert run([command, "--help"]) == 0
    assert f"python -m experiments {command}" in capsys.readouterr().out


def test_an_unknown_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and what to type."""
    assert run(["sideways"]) == 2
    assert "No such command 'sideways'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [(wrong_command("no such row"), 2), (CommandError("no such row"), 4), (OSError("no such row"), 4)],
)
def test_what_fails_is_one_line_and_a_status(error: Exception, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """After the name of the command; and what was measured until then is still reported by whoever called."""

    def work(_: Path) -> None:
        raise error

    assert run_measurement("bench", work, Console()) == status
    assert capsys.readouterr().err == "bench: no such row\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_and_not_the_command(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C and SIGTERM alike; the folder of the work is gone."""
    folders: list[Path] = []

    def work(folder: Path) -> None:
        folders.append(folder)
        signal.raise_signal(number)

    assert run_measurement("bench", work, Console()) == 130
    assert "Stopped; what was measured is below." in capsys.readouterr().out
    assert not folders[0].exists()


def test_the_pythons_are_those_of_the_classifiers() -> None:
    """And older ones for the probe: what CI and the tests try follows, before anything is installed."""
    python = [sys.executable, "-S", "-m", "experiments.pythons"]

    def printed(*words: str) -> str:
        return subprocess.run([*python, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert printed().split() == list(LAB)
    assert printed("probe").split() == ["3.9", "3.10", *LAB]
    assert json.loads(printed("--json")) == list(LAB)
    assert sorted(LAB, key=lambda version: int(version.partition(".")[2])) == list(LAB)
