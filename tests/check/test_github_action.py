"""What the GitHub action makes of its inputs: words and names, whatever is in them, and never anything that runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from sadpath.errors import CommandError
from sadpath.plugins.github import arguments, output

ROOT = Path(__file__).parents[2]


def typed(options: str = "", command: str = "uvicorn shop:app", reports: str = "r") -> list[str]:
    """What is typed after `sadpath check` and the names of the files."""
    return arguments({"OPTIONS": options, "COMMAND": command, "REPORTS": reports})[4:]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--budget 5 --exclude '/admin/*'", ["--budget", "5", "--exclude", "/admin/*"]),
        ("--exclude $(touch x)", ["--exclude", "$(touch", "x)"]),
        ("--list); touch x; y=(", ["--list);", "touch", "x;", "y=("]),
        ("`touch x` $HOME ~ *.txt", ["`touch", "x`", "$HOME", "~", "*.txt"]),
        ("--list\n--writes", ["--list", "--writes"]),
        ("", []),
    ],
)
def test_an_input_is_split_into_words_and_not_evaluated(options: str, words: list[str]) -> None:
    """Of options and of the command."""
    assert typed(options) == [*words, "--", "uvicorn", "shop:app"]
    assert typed(command=options) == ["--", *words]


def test_quotes_without_a_partner_are_one_clear_line() -> None:
    """Which names the input."""
    with pytest.raises(CommandError, match=r"^the input options cannot be split into words: No closing quotation$"):
        typed("--exclude '/admin")


def test_the_files_are_in_the_folder_of_reports() -> None:
    """Also where its name looks like an option."""
    assert arguments({"OPTIONS": "", "COMMAND": "x", "REPORTS": "-p"})[1:4] == [
        "--json=-p/check.json",
        "--junit=-p/check.xml",
        "--html=-p/check.html",
    ]


def outputs(text: str) -> dict[str, str]:
    """Read outputs of a step as the runner does."""
    lines, found = iter(text.splitlines()), {}
    for line in lines:
        name, _, end = line.partition("<<")
        found[name] = "\n".join(iter(lines.__next__, end))
    return found


@pytest.mark.parametrize("reports", ["r", "r\nevil=1", "r\nevil<<x\n1\nx"])
def test_an_output_is_one_output(reports: str) -> None:
    """Whatever its value is, and never ended by a line that somebody could know."""
    assert outputs(output("json", reports)) == {"json": reports}
    assert output("json", reports) != output("json", reports)


def test_the_step_gives_its_inputs_on_as_they_are(tmp_path: Path) -> None:
    """By the environment, to the Python of its own that it has installed, whatever the service's folder has."""
    step = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"][-1]
    assert step["env"]["OPTIONS"] == "${{ inputs.options }}"
    python = tmp_path / "sadpath" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s|" "$@" "$OPTIONS"\n')
    python.chmod(0o700)
    hostile = "$(touch x) `touch x` *"
    command = ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    given = {**os.environ, "RUNNER_TEMP": str(tmp_path), "OPTIONS": hostile}
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=True)
    assert done.stdout == f"-P|-m|sadpath.plugins.github|{hostile}|"
    assert [path.name for path in tmp_path.iterdir()] == ["sadpath"]
