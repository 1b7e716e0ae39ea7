"""An arm that is filled up to its memory limit, and standard errors that take no line."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from loadtest.ports import free_port, is_listening
from loadtest.server import service
from tests.running_demo import ROOT
from tests.waiting import PATIENCE_S, until

LIMIT_MB = 192
GIVE_UP = 2.0
"""An arm that has taken so many times its limit is ended by us."""

CLIENTS = 4
CONTEXT_KB = 512
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)

Full = Callable[[], AbstractContextManager[int]]


@contextmanager
def full_pipe() -> Iterator[int]:
    """A pipe whose reader is there, and does not read: a write waits for ever."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        for size in (4096, 1):
            with suppress(BlockingIOError):
                while os.write(writer, bytes(size)):
                    pass
        os.set_blocking(writer, True)
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


@contextmanager
def pipe_without_reader() -> Iterator[int]:
    """A pipe whose reader has gone: a write fails, with EPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@contextmanager
def full_device() -> Iterator[int]:
    """A device that is full: a write fails, with ENOSPC."""
    device = os.open("/dev/full", os.O_WRONLY)
    try:
        yield device
    finally:
        os.close(device)


def filled(stderr: int) -> tuple[int | None, float]:
    """Start an arm with this standard error, and let its errors retain memory until it ends.

    Returns its status, None if it did not end, and the most memory that it took, as a multiple of its limit.
    """
    server = service("reused", Path(os.devnull), free_port(), LAB_MEMORY_LIMIT_MB=str(LIMIT_MB))
    command = [sys.executable, *(word.replace("{port}", str(server.port)) for word in server.arguments)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": stderr}
    stopped = threading.Event()
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **server.environment}, **quiet) as process:  # type: ignore[call-overload]
        try:
            until(lambda: is_listening(server.port) or process.poll() is not None, PATIENCE_S, "the arm")
            for _ in range(CLIENTS):
                threading.Thread(target=_ask, args=(server.port, stopped), daemon=True).start()
            return _watch(process)
        finally:
            stopped.set()
            process.kill()


def _watch(process: "subprocess.Popen[bytes]") -> tuple[int | None, float]:
    """Look at the memory until the arm ends, or has to be ended."""
    deadline, peak = time.monotonic() + PATIENCE_S, 0.0
    while (status := process.poll()) is None:
        peak = max(peak, peak_mb(process.pid))
        if peak > GIVE_UP * LIMIT_MB or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    return status, peak / LIMIT_MB


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had so far, in MiB, as the kernel noted it; 0 if it has ended."""
    with suppress(OSError):
        if peak := PEAK.search(Path(f"/proc/{pid}/status").read_text()):
            return int(peak[1]) / 1024
    return 0.0


def _ask(port: int, stopped: threading.Event) -> None:
    """Ask for what raises the reused error, again and again, until told to stop or nobody answers."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection, suppress(OSError, HTTPException):
        while not stopped.is_set():
            connection.request("GET", f"/reused/users/42?context_kb={CONTEXT_KB}")
            connection.getresponse().read()
