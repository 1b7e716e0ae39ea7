import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sadpath
from sadpath.cli import app
from sadpath.errors import exit_status
from sadpath.watch.run import Conditions, write_conditions
from tests.file_size import limited_file_size
from tests.watch.runs import leave, samples

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Ended:
    """The command in this process."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = exit_status("sadpath", lambda: app(arguments))
    return Ended(status, out.getvalue(), err.getvalue())


def run_as_a_user(*arguments: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    """The command as it is installed, in a process of its own."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    command = [sys.executable, "-m", "sadpath", *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, timeout=100, check=False, **how)


def test_it_judges_a_run_again_that_was_killed(tmp_path: Path) -> None:
    """Samples alone are enough, the last row torn; the status is the run's, the verdict goes to standard output."""
    leave(tmp_path, samples("reused", 30_000))
    with (tmp_path / "samples.csv").open("a") as file:
        file.write("31.0,reused,meas")
    result = run("report", str(tmp_path))
    assert result.returncode == 1
    assert result.stdout.startswith("reused  leaks: 30,000 bytes retained per request")
    assert "user_not_found retains 19.0 entries per request" in result.stdout
    assert result.stderr == f"report: {tmp_path / 'report.html'}\n"


@pytest.mark.parametrize(("slope", "count", "status"), [(0, 30, 0), (30_000, 30, 1), (30_000, 3, 3)])
def test_its_status_is_that_of_the_run(tmp_path: Path, slope: float, count: int, status: int) -> None:
    """0 flat, 1 leaks, 3 inconclusive."""
    leave(tmp_path, samples("shop", slope, count))
    assert run("report", str(tmp_path)).returncode == status


def test_the_threshold_and_what_is_allowed_are_those_of_the_run(tmp_path: Path) -> None:
    """So that the second verdict is that of the first."""
    leave(tmp_path, [*samples("shop", 0, 3)])
    write_conditions(tmp_path / "run.json", Conditions(allow_inconclusive=True))
    assert run("report", str(tmp_path)).returncode == 0


def test_it_writes_junit(tmp_path: Path) -> None:
    """To the file of the option."""
    leave(tmp_path, samples("shop", 30_000))
    assert run("report", str(tmp_path), "--junit", str(tmp_path / "junit.xml")).returncode == 1
    assert "<failure" in (tmp_path / "junit.xml").read_text()


def test_a_file_may_be_what_a_shell_has_opened(tmp_path: Path) -> None:
    """As `/dev/stdout`, which is not replaced."""
    leave(tmp_path, samples("shop", 0))
    result = run_as_a_user("report", str(tmp_path), "--junit", "/dev/stdout")
    assert result.returncode == 0
    assert result.stdout.startswith("<?xml version='1.0' encoding='utf-8'?>\n<testsuite ")
    assert Path("/dev/stdout").is_symlink()


def test_a_folder_without_samples_is_one_clear_line(tmp_path: Path) -> None:
    """With the status of a wrong command."""
    result = run("report", str(tmp_path))
    assert (result.returncode, result.stderr) == (
        2,
        f"sadpath: no samples.csv in {tmp_path}; name the folder of a run, such as reports/demo\n",
    )


def test_a_file_of_something_else_is_one_clear_line(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "samples.csv").write_text("name,price\nbread,2\n")
    result = run("report", str(tmp_path))
    assert (result.returncode, result.stderr) == (
        2,
        f"sadpath: {tmp_path / 'samples.csv'} is not a file of samples, or of another version of Sadpath\n",
    )


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """With the status of what failed."""
    leave(tmp_path, samples("shop", 0))
    result = run("report", str(tmp_path), "--junit", str(tmp_path))
    assert (result.returncode, result.stderr) == (4, f"sadpath: cannot write to {tmp_path}: Is a directory\n")


def test_samples_that_are_a_folder_are_one_clear_line(tmp_path: Path) -> None:
    """It is not a run."""
    (tmp_path / "samples.csv").mkdir()
    result = run("report", str(tmp_path))
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"sadpath: no samples.csv in {tmp_path}; ")


def test_a_report_without_room_is_one_clear_line(tmp_path: Path) -> None:
    """With the status of what failed; the samples stay."""
    leave(tmp_path, samples("shop", 0))
    before = (tmp_path / "samples.csv").read_bytes()
    with limited_file_size(10_000):
        result = run("report", str(tmp_path))
    assert (result.returncode, result.stderr) == (4, f"sadpath: cannot write to {tmp_path}: File too large\n")
    assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]
    assert (tmp_path / "samples.csv").read_bytes() == before


def test_an_output_that_cannot_be_written_is_one_clear_line() -> None:
    """A full disk behind `>`: 1 would be a verdict."""
    with Path("/dev/full").open("w") as full:
        result = run_as_a_user("--version", stdout=full)
    assert (result.returncode, result.stderr) == (4, "sadpath: No space left on device\n")


def test_a_reader_that_went_away_is_quiet() -> None:
    """As `head` does when it has read enough."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output:
        result = run_as_a_user("--version", stdout=output)
    assert (result.returncode, result.stderr) == (4, "")


def test_a_closed_output_changes_nothing_else(tmp_path: Path) -> None:
    """The status is that of the run."""
    leave(tmp_path, samples("shop", 30_000))
    result = run_as_a_user("report", str(tmp_path), preexec_fn=lambda: os.close(1))
    assert (result.returncode, result.stderr) == (1, f"report: {tmp_path / 'report.html'}\n")


def test_it_prints_its_version_and_its_help() -> None:
    """`--help` has the exit statuses and an example."""
    assert run("--version").stdout == f"{sadpath.__version__}\n"
    assert "report" in run("--help").stdout
    text = run("report", "--help").stdout
    assert "Exit status: 0 flat" in text
    assert "  sadpath report reports/locust --junit reports/junit.xml\n" in text
