"""Whatever the system refuses is one line and a status of its own: 1 would be a verdict."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sadpath.errors import CommandError, Status, exit_status, writing_to


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
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
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
