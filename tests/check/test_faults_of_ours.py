"""A fault of Sadpath itself in the middle of a check, or at its end: what was measured is written, the status is 70."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.check.report import WRITERS
from sadpath.check.result import Check
from sadpath.errors import Status
from tests.check.conftest import HERE, Checked, check


def faulty(_: Path, __: Check) -> None:
    """Write a format as nobody meant to, and say what nobody may know."""
    raise KeyError("nobody foresaw Bearer secret-token")


def checked(folder: Path) -> Checked:
    """Check a service that leaks, and write every format."""
    command = [sys.executable, "plain.py", str(free_port())]
    (folder / "sadpath.toml").write_text('[headers]\nAuthorization = "Bearer secret-token"\n')
    written: list[str | Path] = [
        "--junit",
        folder / "check.xml",
        "--html",
        folder / "check.html",
        "--config",
        folder / "sadpath.toml",
    ]
    return check(folder, *written, "--request", "GET /leak", "--", *command, cwd=HERE / "services")


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the traceback is kept."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_fault_while_it_measures_leaves_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the terminal and in every format that can be written, with the reason why it ended."""
    monkeypatch.setitem(WRITERS, "json", faulty)
    ended = checked(tmp_path)
    assert ended.status == Status.FAULT
    assert "ended early: a fault of Sadpath (KeyError)\n" in ended.out
    assert " GET /leak 403 " in ended.out
    assert "GET /leak 403" in (tmp_path / "check.xml").read_text()
    assert "a fault of Sadpath (KeyError)" in (tmp_path / "check.html").read_text()
    line = ended.err.splitlines()[-1]
    (report,) = tmp_path.glob("sadpath-fault-*.txt")
    says = "sadpath: this is a fault of Sadpath: KeyError: 'nobody foresaw …'; please report it with "
    assert line == f"{says}{report}"
    assert "secret" not in report.read_text()
    assert "Traceback" not in ended.err


def test_a_fault_in_one_format_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the result, which was measured whole."""
    monkeypatch.setitem(WRITERS, "junit", faulty)
    ended = checked(tmp_path)
    assert ended.status == Status.FAULT
    assert json.loads((tmp_path / "check.json").read_text())["paths"][0]["path"] == "/leak"
    assert (tmp_path / "check.html").exists()
    assert not (tmp_path / "check.xml").exists()
