"""An arm at its memory limit whose standard error takes no line: it has to end all the same, and in time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from loadtest.ports import free_port, is_listening
from loadtest.server import START_TIMEOUT_S, service
from loadtest.trial.marked import LOOK_AGAIN_S, Mark
from loadtest.trial.rows import Result, result
from loadtest.trial.short_demo import ROOT, environment, in_words

LIMIT_MB = 192
MOST = 1.25
"""How many times its limit an arm may take."""

GIVE_UP = 2.0
"""An arm that has taken so many times its limit is ended by us."""

ENDS_WITHIN_S = 60.0
CLIENTS = 4
LOOK_S = 0.005
CONTEXT_KB = 512
STATUS = 137
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@contextmanager
def full_pipe() -> Iterator[int]:
    """A pipe whose reader is there, and does not read: a write waits for ever."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with suppress(BlockingIOError):
            while os.write(writer, bytes(4096)):
                pass
        with suppress(BlockingIOError):
            while os.write(writer, bytes(1)):
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


@dataclass(frozen=True)
class Ended:
    """How an arm ended: its status, None if it had to be killed, and the most memory that it took, in MiB."""

    status: int | None
    peak_mb: float


def attempts() -> Iterator[Result]:
    """Fill an arm with each kind of standard error."""
    for name, stderr in (("a full pipe", full_pipe), ("no reader", pipe_without_reader), ("/dev/full", full_device)):
        with stderr() as writer:
            yield judge(f"memory limit, stderr is {name}", fill(writer))


def judge(what: str, ended: Ended, limit_mb: float = LIMIT_MB) -> Result:
    """Judge how an arm ended."""
    ratio = ended.peak_mb / limit_mb
    wrong_status = "" if ended.status == STATUS else f"{in_words(ended.status)}, expected status {STATUS}"
    return result(what, [wrong_status, f"it took {ratio:.2f} of its limit" if ratio > MOST else ""], ratio)


def fill(stderr: int) -> Ended:
    """Start an arm with this standard error, let its errors retain memory until it ends, and return how it did."""
    with arm(stderr) as (process, port):
        stopped = threading.Event()
        clients = [
            threading.Thread(target=_ask, args=(("127.0.0.1", port), stopped), daemon=True) for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        try:
            return _watch(process)
        finally:
            stopped.set()


@contextmanager
def arm(stderr: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run an arm with a memory limit; its standard error is not a log, so it is none of `loadtest.server`'s."""
    server, mark = service("reused", Path(os.devnull), free_port(), LAB_MEMORY_LIMIT_MB=str(LIMIT_MB)), Mark()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, *(word.replace("{port}", str(server.port)) for word in server.arguments)],
        cwd=ROOT,
        env=environment(mark, **server.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_listening(server.port) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_S)
        yield process, server.port
    finally:
        mark.end()
        process.kill()
        process.wait()


def _watch(process: subprocess.Popen[bytes]) -> Ended:
    """Look at the memory until the arm ends, or has to be ended."""
    deadline, peak = time.monotonic() + ENDS_WITHIN_S, 0.0
    while (status := process.poll()) is None:
        peak = max(peak, peak_mb(process.pid))
        if peak > GIVE_UP * LIMIT_MB or time.monotonic() > deadline:
            return Ended(None, peak)
        time.sleep(LOOK_S)
    return Ended(status if status >= 0 else 128 - status, peak)


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had so far, in MiB, as the kernel noted it; 0 if it has ended."""
    with suppress(OSError):
        if found := PEAK.search(Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) / 1024
    return 0.0


def _ask(address: tuple[str, int], stopped: threading.Event) -> None:
    """Ask for what raises the reused error, again and again, until told to stop or nobody answers."""
    connection = HTTPConnection(*address, timeout=10)
    with closing(connection), suppress(OSError, HTTPException):
        while not stopped.is_set():
            connection.request("GET", f"/reused/users/42?context_kb={CONTEXT_KB}")
            connection.getresponse().read()
