"""Whatever the system refuses is one line and a status of its own: 1 would be a verdict."""

import errno
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import sadpath
from sadpath.command_line import new_app
from sadpath.errors import CommandError, Status, exit_status, writing_to
from tests.file_size import limited_file_size


def fails(error: BaseException) -> Callable[[], None]:
    """Work that ends with this error."""

    def work() -> None:
        raise error

    return work


def of_a_reader_that_left() -> None:
    """End as Typer and rich do when nobody reads their output."""
    try:
        fails(BrokenPipeError())()
    except BrokenPipeError:
        sys.exit(1)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (CommandError("no such shop", Status.WRONG_COMMAND), 2, "shop: no such shop\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "shop: No space left on device\n"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/b"), 4, "shop: /a/b: No such file\n"),
        (OSError("odd"), 4, "shop: odd\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 4, ""),
        (CommandError("two\nlines \x1b[2J"), 4, "shop: two\\nlines \\x1b[2J\n"),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
        (SystemExit("a reason"), 4, "shop: a reason\n"),
    ],
)
def test_what_fails_is_one_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the file where the system names one; a reader that went away is not told."""
    assert exit_status("shop", fails(error)) == status
    assert capsys.readouterr().err == line


def test_a_reader_that_left_is_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """Typer and rich end with 1 then."""
    assert (exit_status("shop", of_a_reader_that_left), capsys.readouterr().err) == (4, "")


def test_work_that_ends_is_ok() -> None:
    """As a function that returns."""
    assert exit_status("shop", lambda: None) == 0


def test_an_error_is_no_traceback_where_standard_error_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none then."""
    monkeypatch.setattr(sys, "stderr", None)
    assert exit_status("shop", fails(CommandError("no such shop"))) == 4


def test_the_place_that_was_written_to_is_named(tmp_path: Path) -> None:
    """A full disk does not say which file it was."""
    with pytest.raises(CommandError, match=f"^cannot write to {tmp_path}: No space left$"), writing_to(tmp_path):
        raise OSError(errno.ENOSPC, "No space left")


def test_no_file_of_ours_takes_the_place_of_a_closed_stream() -> None:
    """A library that writes to standard output would write into it."""
    code = "import os; from sadpath.errors import exit_status; exit_status('x', lambda: os._exit(os.open('/', 0)))"
    closed = subprocess.run(["/bin/sh", "-c", 'exec "$0" -c "$1" <&- >&-', sys.executable, code], check=False)
    assert closed.returncode >= 3


def endless(depth: int = 0) -> int:
    """Ask too much of the stack."""
    return endless(depth + 1)


FAULT = re.compile(r"shop: this is a fault of Sadpath: (.+); please report it with (/.+)\n")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("work", "what"),
    [
        (fails(KeyError("paths")), "KeyError: 'paths'"),
        (fails(AssertionError()), "AssertionError"),
        (fails(ValueError("two\nlines, half a pair \ud800")), r"ValueError: two\nlines, half a pair \ud800"),
        (fails(ValueError("x" * 1000)), f"ValueError: {'x' * 300}… (1,000 characters)"),
        (fails(MemoryError()), "MemoryError"),
        (endless, "RecursionError: maximum recursion depth exceeded"),
        (fails(ExceptionGroup("two", [ValueError(), KeyError()])), "ExceptionGroup: two (2 sub-exceptions)"),
        (lambda: typer_app(EOFError("nothing left"))([]), "EOFError: nothing left"),
    ],
)
def test_what_nobody_foresaw_is_a_line_with_a_file_to_report(
    work: Callable[[], object], what: str, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its status is no verdict, and the traceback is in the file, with the versions."""
    assert exit_status("shop", work) == Status.FAULT
    line = FAULT.fullmatch(capsys.readouterr().err.removeprefix("\nAborted!\n"))
    assert line
    assert line[1].startswith(what)
    (report,) = temporary.iterdir()
    assert line[2] == str(report)
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text()
    assert text.startswith(f"Sadpath {sadpath.__version__}, Python {sys.version}, ")
    assert "Traceback (most recent call last):\n" in text


def typer_app(error: Exception) -> typer.Typer:
    """A command of ours that ends with this error."""
    app = new_app()
    app.command()(fails(error))
    return app


def test_a_report_has_no_values(temporary: Path) -> None:
    """Of what a function held nothing is written."""

    def work() -> None:
        token = "secret".upper()
        raise RuntimeError(str(len(token)))

    assert exit_status("shop", work) == Status.FAULT
    (report,) = temporary.iterdir()
    assert "SECRET" not in report.read_text()


def test_a_fault_that_cannot_be_kept_is_on_standard_error(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As where the disk is full: the traceback stands above the line, and no empty file is left."""
    with limited_file_size(10):
        assert exit_status("shop", fails(KeyError("paths"))) == Status.FAULT
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.endswith("KeyError: 'paths'; please report it with the traceback above\n")
    assert list(temporary.iterdir()) == []


def test_what_the_encoding_of_a_stream_lacks_is_an_escape() -> None:
    """Whatever the locale is."""
    code = "from sadpath.errors import exit_status; exit_status('x', lambda: print('größer \\ud800 –'))"
    for encoding, printed in (("ascii", rb"gr\xf6\xdfer \ud800 \u2013"), ("utf-8", "größer \\ud800 –".encode())):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env={"PYTHONIOENCODING": encoding}, capture_output=True, check=True)
        assert done.stdout.strip() == printed
