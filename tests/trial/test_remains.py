"""What the demos' tests look for does not escape them: what is left over, a traceback, samples that are lost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil
import pytest

from sadpath.sources import Reading
from sadpath.watch.sample_file import Sample, SampleFile
from tests.running_demo import Mark, RunningDemo
from tests.trial.conftest import counts, has_ended, table
from tests.trial.filled import Full, full_device, full_pipe, pipe_without_reader
from tests.trial.test_kills import lost_s
from tests.waiting import PATIENCE_S, until

ORPHANS = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
"""
"""It leaves a process in a session of its own, whose parent has ended."""


@pytest.fixture
def mark() -> Iterator[Mark]:
    """A mark whose processes end with the test."""
    one = Mark()
    yield one
    one.left_over(kill=True)


def orphaned(mark: Mark) -> list[psutil.Process]:
    """The process that was left over."""
    subprocess.run([sys.executable, "-c", ORPHANS], env=mark.environment, check=True, stdin=subprocess.DEVNULL)
    until(mark.processes, PATIENCE_S, "the process that is left over")
    return mark.processes()


def demo_that_runs(code: str, folder: Path, mark: Mark) -> RunningDemo:
    """A demo that runs this code."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return RunningDemo(subprocess.Popen([sys.executable, "-c", code], **pipes), folder, 0, mark)  # type: ignore[call-overload]


def test_a_process_that_outlives_its_parent_in_a_session_of_its_own_is_found_and_ended(mark: Mark) -> None:
    """And nobody else is."""
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=Mark().environment)
    (left,) = orphaned(mark)
    assert mark.left_over(0) == [left]
    assert mark.left_over(kill=True) == []
    assert bystander.poll() is None
    bystander.communicate(b"\n")


def test_a_demo_that_leaves_a_process_has_failed(tmp_path: Path, mark: Mark, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command of what is left."""
    monkeypatch.setattr(Mark.left_over, "__defaults__", (0.0,))
    orphaned(mark)
    demo = demo_that_runs("", tmp_path, mark)
    with pytest.raises(AssertionError, match=r"left running: .*time\.sleep"):
        demo.finish()
    demo.process.communicate()


def test_a_demo_that_prints_a_traceback_has_failed(tmp_path: Path, mark: Mark) -> None:
    """Whatever its status is; the same demo without one has not."""
    assert demo_that_runs("print('fine'); raise SystemExit(4)", tmp_path, mark).finish().status == 4
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        demo_that_runs("1 / 0", tmp_path, mark).finish()


def test_a_demo_that_ends_before_what_is_waited_for_has_failed(tmp_path: Path, mark: Mark) -> None:
    """At once, and not when patience ends."""
    demo = demo_that_runs("", tmp_path, mark)
    with pytest.raises(AssertionError, match="the demo ended before 3 samples"):
        demo.wait_for_samples(3)
    demo.finish()


def write_samples(demo: RunningDemo, seconds: range | list[int]) -> float:
    """Write a file of samples of one arm, and return when."""
    file = SampleFile(demo.reports / "samples.csv")
    for second in seconds:
        file.append(Sample(float(second), "reused", "measured", Reading(1)))
    file.close()
    return (demo.reports / "samples.csv").stat().st_mtime


def test_samples_that_are_lost_are_counted(tmp_path: Path, mark: Mark) -> None:
    """A gap within the run, and samples that were not on disk when it was killed."""
    demo = demo_that_runs("", tmp_path, mark)
    assert lost_s(demo, time.time()) == 0
    written = write_samples(demo, range(5))
    assert lost_s(demo, written + 0.5) == 0
    assert lost_s(demo, written + 8.0) == pytest.approx(7.0, abs=0.01)
    write_samples(demo, [0, 1, 2, 9, 10])
    assert lost_s(demo, None) == 6
    demo.finish()


@pytest.mark.parametrize(
    ("full", "refusal"), [(full_pipe, BlockingIOError), (pipe_without_reader, BrokenPipeError), (full_device, OSError)]
)
def test_what_is_full_takes_nothing(full: Full, refusal: type[OSError]) -> None:
    """Not one byte: else the line at the memory limit would fit in."""
    with full() as writer:
        os.set_blocking(writer, False)
        with pytest.raises(refusal):
            os.write(writer, b"x")


def report(
    when: Literal["setup", "call"], outcome: Literal["passed", "failed"], **properties: int
) -> pytest.TestReport:
    """What pytest reports of a trial."""
    return pytest.TestReport(
        "test_x.py::test_a_kill[1]", ("", 0, ""), {}, outcome, None, when, [], 0, 0, 0, list(properties.items())
    )


def test_a_trial_is_counted_once_with_what_it_has_left() -> None:
    """By its call, or by what kept it from that; what is no trial is in no line."""
    reports = [
        report("setup", "passed", tried=1),
        report("call", "passed", tried=1, left=0),
        report("call", "failed", tried=1, left=3),
        report("setup", "failed", tried=1),
        report("call", "failed"),
    ]
    assert table(counts(filter(has_ended, reports))) == [
        "   tried  failed    left  what",
        "       3       2       3  a kill",
    ]
