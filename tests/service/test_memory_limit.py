import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EATER = """
from service import memory_limit
memory_limit.watch("eater", 120)
held = []
for _ in range(2000):
    held.append(b"." * 2**20)
    __import__("time").sleep(0.005)
print("still running")
"""


def test_a_process_over_its_memory_limit_ends_itself_and_prints_the_reason() -> None:
    """It prints one line, and its exit status is that of a process that the kernel killed for its memory."""
    result = subprocess.run(
        [sys.executable, "-c", EATER], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 137
    assert result.stdout == ""
    line = r"eater: over its memory limit \((\d+) of 120 MiB resident\); exit status 137\n"
    found = re.fullmatch(line, result.stderr)
    assert found, result.stderr
    assert 121 <= int(found[1]) < 200


def test_a_watch_can_be_stopped() -> None:
    """A stopped watch ignores the memory limit."""
    code = "import time; from service.memory_limit import watch; watch('free', 1)(); time.sleep(0.5); print('alive')"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.stdout == "alive\n"


def full_pipe() -> int:
    """The writing end of a pipe that takes no more; its reading end stays open."""
    _, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"." * 4096):
            pass
    os.set_blocking(writing, True)
    return writing


def pipe_without_a_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("stderr", [full_pipe, pipe_without_a_reader, full_disk])
def test_it_ends_where_stderr_cannot_be_written(stderr: Callable[[], int]) -> None:
    """It ends with the same exit status, and does not wait for anybody to read."""
    written = stderr()
    try:
        result = subprocess.run(
            [sys.executable, "-c", EATER], cwd=ROOT, stdout=subprocess.PIPE, stderr=written, timeout=100, check=False
        )
    finally:
        os.close(written)
    assert (result.returncode, result.stdout) == (137, b"")


def test_it_ends_where_stderr_is_closed() -> None:
    """As a daemon's is."""
    code = f"import sys; sys.stderr.close(); sys.stderr = None\n{EATER}"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, timeout=100, check=False)
    assert (result.returncode, result.stdout) == (137, b"")
