"""Without `--writes` a check changes nothing, whatever a service's description allows; each change is counted."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, Checked, check, environment

SERVICES = HERE / "services"
HEADERS = '[headers]\nAuthorization = "Bearer good"\n'


def described(changes: Path, *kinds: str) -> list[str]:
    """The command of the service with 224 operations."""
    return [sys.executable, str(SERVICES / "described.py"), str(free_port()), str(changes), *kinds]


def changing() -> list[str]:
    """The command of the service with five ways to change something."""
    return [sys.executable, "-m", "uvicorn", "changing:app", "--port", str(free_port()), "--no-access-log"]


def checked(folder: Path, command: Sequence[str], *options: str) -> Checked:
    """A check with the user's own token."""
    (folder / "token.toml").write_text(HEADERS)
    return check(
        folder, "--config", folder / "token.toml", *options, "--", *command,
        cwd=SERVICES, CHANGES=str(folder / "changes"),
    )  # fmt: skip


def changes(folder: Path) -> list[str]:
    """What the service has written down."""
    file = folder / "changes"
    return file.read_text().splitlines() if file.exists() else []


def names(found: Checked) -> set[str]:
    return {one["name"] for one in found.summary["paths"]}


def test_none_of_five_ways_changes_anything(tmp_path: Path) -> None:
    """An optional body, none, the user's token, ids that are real, a GET that changes: what is refused is measured."""
    found = checked(tmp_path, changing(), "--budget", "4")
    assert changes(tmp_path) == []
    writes = {name for name in names(found) if not name.startswith(("GET", "TRACE"))}
    assert writes == {"PUT /items/{id} 422", "POST /reset-token 401"}
    assert "left out, since they may change something: GET /logout" in found.out
    assert "3 operations that may change data were not tried; --writes tries them too" in found.out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "refused"),
    [
        ([], (112, 16, 128)),
        (["swagger"], (112, 16, 128)),
        (["unguarded"], (0, 32, 32)),
        (["swagger", "unguarded"], (0, 32, 32)),
        (["anything"], (0, 0, 0)),
    ],
)
def test_of_224_operations_none_accepts_anything(
    kinds: list[str], refused: tuple[int, int, int], tmp_path: Path
) -> None:
    """Of any shape, as OpenAPI 3 and Swagger 2, also where the service demands less than its description."""
    found = checked(tmp_path, described(tmp_path / "changes", *kinds), "--budget", "5")
    assert changes(tmp_path) == []
    assert found.summary["accepted_writes"] == []
    others = {name for one in found.summary["paths"] for name in one["stands_for"]}
    writes = [name for name in names(found) | others if not name.startswith(("GET", "HEAD", "TRACE"))]
    assert (count(writes, 401), count(writes, 422), len(writes)) == refused


def count(names: Sequence[str], status: int) -> int:
    return sum(name.endswith(f" {status}") for name in names)


@pytest.mark.parametrize("kinds", [[], pytest.param(["swagger", "unguarded"], marks=pytest.mark.slow)])
def test_the_list_is_made_with_safe_methods(kinds: list[str], tmp_path: Path) -> None:
    """It says how many operations were therefore not tried, also where a setting would allow them."""
    (tmp_path / "writes.toml").write_text("writes = true\n" + HEADERS)
    command = described(tmp_path / "changes", *kinds)
    found = check(tmp_path, "--config", tmp_path / "writes.toml", "--list", "--exclude", "/auth/*", "--", *command)
    assert changes(tmp_path) == []
    assert "GET /things/{id} 404  /things/999999999" in found.out.splitlines()
    assert "224 operations that may change data were not tried" in found.out
    assert "POST" not in found.out


def test_a_list_leaves_out_what_was_named_of_other_methods(tmp_path: Path) -> None:
    """A check sends it, as it stands."""
    command = described(tmp_path / "changes")
    listed = checked(tmp_path, command, "--list", "--request", "DELETE /none/token")
    assert (changes(tmp_path), listed.status) == ([], 3)
    assert "1 operation that may change data was not tried" in listed.out
    found = checked(tmp_path, command, "--budget", "1", "--request", "DELETE /none/token")
    assert {*changes(tmp_path)} == {"DELETE /none/token"}
    assert names(found) == {"DELETE /none/token 200"}


@pytest.mark.slow
def test_init_sends_safe_methods(tmp_path: Path) -> None:
    """And says what it did not try."""
    command = [sys.executable, "-m", "sadpath", "init", "--", *described(tmp_path / "changes")]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    assert changes(tmp_path) == []
    assert "224 operations that may change data were not tried" in done.stderr
    assert "GET /things/{id} 401" in (tmp_path / "sadpath.toml").read_text()


@pytest.mark.slow
def test_what_accepts_all_the_same_is_used_once_and_named(tmp_path: Path) -> None:
    """It was to refuse a broken body, and does not read it: no other operation is tried then."""
    found = checked(tmp_path, described(tmp_path / "changes", "careless"), "--budget", "2")
    (change,) = changes(tmp_path)
    (name,) = found.summary["accepted_writes"]
    assert change == "POST /required/inherited"
    assert name == "POST /required/inherited 200"
    assert f"accepted, and may have changed data: {name}" in found.out


def test_what_accepts_in_the_middle_of_a_round_is_not_asked_again(tmp_path: Path) -> None:
    """Its path is inconclusive for that reason, and the operation is named."""
    command = described(tmp_path / "changes", "tired")
    found = checked(tmp_path, command, "--budget", "2", "--include", "POST /required/open")
    assert changes(tmp_path) == ["POST /required/open"]
    assert found.summary["accepted_writes"] == ["POST /required/open 200"]
    (path,) = found.summary["paths"]
    assert path["verdict"] == "inconclusive"
    assert path["reason"].endswith("were not answered: not sent, since one was answered with 200")


def terminal(typed: Sequence[str], answer: str, **more: str) -> tuple[int, str]:
    """The exit status of a command in a terminal, and what it printed, once its question was answered."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sadpath", *typed],
        cwd=SERVICES, env=environment(**more), stdin=its, stdout=subprocess.PIPE, stderr=its, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    try:
        os.write(ours, answer.encode())
        process.communicate(timeout=300)
        return process.returncode, os.read(ours, 1 << 16).decode()
    finally:
        process.kill()
        os.close(ours)


WRITES = ("check", "--writes", "--budget", "1", "--include", "DELETE /items/*")


def test_in_a_terminal_it_asks_before_it_writes(tmp_path: Path) -> None:
    """Who does not agree gets a line and the status of a wrong command, and nothing was sent."""
    status, printed = terminal([*WRITES, "--", *changing()], "\n", CHANGES=str(tmp_path / "changes"))
    assert (status, changes(tmp_path)) == (2, [])
    assert "--writes: 1 DELETE operation at http://127.0.0.1:" in printed
    assert "Go on? [y/N]" in printed
    assert "sadpath: nothing was sent that may change data" in printed


@pytest.mark.parametrize(("answer", "options"), [("y\n", []), pytest.param("", ["--yes"], marks=pytest.mark.slow)])
def test_who_agrees_has_it_sent(answer: str, options: Sequence[str], tmp_path: Path) -> None:
    """Each operation that accepted something is named."""
    status, _ = terminal([*WRITES, *options, "--", *changing()], answer, CHANGES=str(tmp_path / "changes"))
    assert status in (0, 1, 3)
    assert changes(tmp_path) != []


@pytest.mark.slow
def test_without_a_terminal_it_says_what_it_may_do(tmp_path: Path) -> None:
    """And does it, since it was told to."""
    found = checked(tmp_path, changing(), "--writes", "--budget", "1", "--include", "DELETE /items/*")
    assert "--writes: 1 DELETE operation at http://127.0.0.1:" in found.err
    assert "Go on?" not in found.err
    assert found.summary["accepted_writes"] == ["DELETE /items/{id} 200"]
