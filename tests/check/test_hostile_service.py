"""`sadpath check` on a service that leaks exceptions which are hostile to whoever reads of them."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, Checked, check
from tests.hostile_text import HOSTILE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def checked(folder: Path) -> Checked:
    """One check of all kinds, in GitHub Actions."""
    requests = [word for kind in HOSTILE for word in ("--request", f"GET /{kind.replace(' ', '-')}")]
    files: list[str | Path] = ["--junit", folder / "check.xml", "--html", folder / "check.html", "--budget", "120"]
    command = [sys.executable, "says_anything.py", str(free_port())]
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return check(folder, *files, *requests, "--", *command, cwd=HERE, **github)


def test_each_leak_is_found_whatever_its_exception_is_called(checked: Checked) -> None:
    """With its cause."""
    kinds = [one["cause"]["kind"] for one in checked.summary["paths"]]
    assert (checked.status, kinds) == (1, ["reused exception"] * len(HOSTILE))


def test_all_that_is_printed_can_be_seen(checked: Checked) -> None:
    """And the only commands to the CI are ours: one for each leak."""
    lines = (checked.out + checked.err).split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert len(commands) == len(HOSTILE)
    assert all(line.startswith("::error file=says_anything.py,line=") for line in commands)
    assert not [line for line in lines if "##[" in line or "##vso[" in line]


def test_every_file_can_be_read(checked: Checked, folder: Path) -> None:
    """By a program; on the page nothing runs."""
    assert len(ET.parse(folder / "check.xml").getroot()) == len(HOSTILE)  # noqa: S314 - our own
    assert json.loads((folder / "check.json").read_text(encoding="ascii")) == checked.summary
    assert "<script>alert" not in (folder / "check.html").read_text(encoding="utf-8")
