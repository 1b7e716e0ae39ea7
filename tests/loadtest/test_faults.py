"""What the machine refuses while the demo runs is one line and status 4: 1 would be a verdict."""

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loadtest.ports import free_ports
from sadpath.errors import CommandError
from sadpath.watch.sample_file import read_samples
from tests.file_size import limit_file_size
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@contextmanager
def demo(reports: Path, *options: str, **how: Any) -> Iterator["subprocess.Popen[str]"]:
    """A demo that runs in this block, and not longer."""
    command = [sys.executable, "-m", "loadtest", "demo", "--reports", str(reports), *options]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    with subprocess.Popen(command, cwd=ROOT, text=True, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit status of a demo, and what it printed as an error."""
    _, errors = process.communicate(timeout=100)
    return process.returncode, errors


def test_a_disk_that_gets_full_is_one_line(tmp_path: Path) -> None:
    """There is room for the samples and not for the report: they stay, whole."""
    with demo(tmp_path / "demo", "--seconds", "3", preexec_fn=lambda: limit_file_size(8_000)) as process:
        assert ended(process) == (4, f"demo: cannot write to {tmp_path / 'demo'}: File too large\n")
    assert len(read_samples(tmp_path / "demo" / "samples.csv")) > 2
    assert not (tmp_path / "demo" / "summary.json").exists()


@pytest.mark.parametrize("place", ["below/a/file", "/proc/sadpath"])
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, place: str) -> None:
    """Nothing was started."""
    (tmp_path / "below").touch()
    with demo(tmp_path / place, "--seconds", "3") as process:
        status, error = ended(process)
    assert (status, error.count("\n")) == (4, 1)
    assert error.startswith(f"demo: cannot write to {tmp_path / place}: ")


def test_a_folder_that_is_removed_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    """At once, and not when the time is over."""
    reports = tmp_path / "demo"
    with demo(reports, "--seconds", "600") as process:
        until((reports / "samples.csv").exists, 60, "samples")
        shutil.rmtree(reports)
        assert ended(process) == (4, f"demo: {reports} was removed while the demo ran\n")


def test_samples_that_are_a_folder_are_moved_aside(tmp_path: Path) -> None:
    """As what an earlier run left."""
    (tmp_path / "demo" / "samples.csv").mkdir(parents=True)
    with demo(tmp_path / "demo", "--seconds", "2") as process:
        assert ended(process) == (3, "")
    assert read_samples(tmp_path / "demo" / "samples.csv")


@pytest.mark.parametrize(("output", "line"), [("/dev/full", "demo: No space left on device\n"), ("a reader", "")])
def test_an_output_that_cannot_be_written_ends_the_demo(tmp_path: Path, output: str, line: str) -> None:
    """Of a reader that went away nothing is said; the samples that were taken stay."""
    reader, writer = os.pipe() if output == "a reader" else (os.dup(0), os.open(output, os.O_WRONLY))
    os.close(reader)
    try:
        with demo(tmp_path / "demo", "--seconds", "60", stdout=writer) as process:
            assert ended(process) == (4, line)
    finally:
        os.close(writer)


def test_no_free_ports_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason of the system."""

    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(CommandError, match=r"^no free port on 127\.0\.0\.1: Address already in use$"):
        free_ports(2)
