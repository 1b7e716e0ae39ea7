"""SIGINT, SIGTERM and SIGHUP from our first line on: quiet, and the status that a shell reports for them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from tests.watch.runs import leave, samples

ROOT = Path(__file__).parents[2]
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
DELAYS_S = [0.0, 0.1, 0.3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads from /proc when our first line has run")


def handles_sigterm(process: "subprocess.Popen[str]") -> bool:
    """Whether a program of ours has run its first line: Python itself handles SIGINT alone."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def interrupted(number: signal.Signals, delay_s: float, *command: str) -> tuple[int, str, str]:
    """The status and the output of a program that gets a signal so long after its first line."""
    typed = [sys.executable, *command]
    with subprocess.Popen(typed, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            until(lambda: process.poll() is not None or handles_sigterm(process), 300, "its first line")
            time.sleep(delay_s)  # the moment is what is tested
            process.send_signal(number)
            output, errors = process.communicate(timeout=300)
        finally:
            process.kill()
    return process.returncode, output, errors


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("delay_s", DELAYS_S)
def test_the_lab_ends_quietly(number: signal.Signals, delay_s: float) -> None:
    """While Python still imports, and when the service of `twins` starts."""
    assert interrupted(number, delay_s, "-m", "loadtest", "twins") == (128 + number, "", "")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("delay_s", DELAYS_S)
def test_the_demo_ends_quietly(tmp_path: Path, number: signal.Signals, delay_s: float) -> None:
    """Once it has begun, it says that nothing was measured, which is a failure."""
    command = ["-m", "loadtest", "demo", "--seconds", "60", "--reports", str(tmp_path / "demo")]
    status, output, errors = interrupted(number, delay_s, *command)
    assert (status, output, errors) == (128 + number, "", "") or (
        (status, errors) == (4, "") and output.endswith("Nothing was measured.\n")
    )


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("delay_s", DELAYS_S)
def test_the_report_ends_quietly(tmp_path: Path, number: signal.Signals, delay_s: float) -> None:
    """Nothing of it is half written."""
    leave(tmp_path, samples("shop", 0))
    status, output, errors = interrupted(number, delay_s, "-m", "sadpath", "report", str(tmp_path))
    assert (status, output, errors) == (128 + number, "", "")
    assert {path.name for path in tmp_path.iterdir()} <= {"samples.csv", "memory.png", "report.html", "summary.json"}


@pytest.mark.parametrize("number", NUMBERS)
def test_what_the_lab_started_ends_with_it(number: signal.Signals) -> None:
    """The service, and the small process above it."""
    command = [sys.executable, "-m", "loadtest", "twins"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            started = psutil.Process(process.pid)
            until(lambda: len(started.children(recursive=True)) > 1, 300, "the service")
            children = started.children(recursive=True)
            process.send_signal(number)
            assert process.communicate(timeout=300) == ("", "")
        finally:
            process.kill()
    assert process.returncode == 128 + number
    until(lambda: not any(child.is_running() for child in children), 300, "the end of what it started")


def test_a_signal_that_our_parent_ignores_is_ignored() -> None:
    """As with `nohup`, and of what a shell starts before `&`."""
    program = (
        "import signal; from sadpath import interrupts as i; i.end_at_once(); i.end_in_order(); signal.raise_signal"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}(signal.SIGINT)"],
        cwd=ROOT,
        timeout=300,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert done.returncode == 0
