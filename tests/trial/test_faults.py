"""What the machine refuses while the demo runs is one line and status 4: 1 would be a verdict."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from sadpath.errors import Status
from sadpath.lifeline import KILLED
from sadpath.watch.sample_file import read_samples
from tests.file_size import limit_file_size
from tests.running_demo import running_demo
from tests.trial.filled import Full, filled, full_device, full_pipe, pipe_without_reader

JUDGED = {int(Status.OK), int(Status.INCONCLUSIVE)}
"""The statuses of a demo that nothing kept from its verdict; one of a few seconds may be inconclusive."""


@pytest.mark.slow
def test_a_disk_that_gets_full_is_one_line(tmp_path: Path) -> None:
    """There is room for the samples and not for the report: they stay, whole. The representative of those below."""
    with running_demo(tmp_path / "demo", "--seconds", "3", preexec_fn=lambda: limit_file_size(8_000)) as demo:
        ended = demo.finish()
    assert (ended.status, ended.errors) == (4, f"demo: cannot write to {tmp_path / 'demo'}: File too large\n")
    assert len(read_samples(tmp_path / "demo" / "samples.csv")) > 2
    assert not (tmp_path / "demo" / "summary.json").exists()


@pytest.mark.slow
def test_a_folder_that_is_removed_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    """At once, and not when the time is over; also where Locust makes it again, to write a file."""
    with running_demo(tmp_path / "demo", "--seconds", "600") as demo:
        demo.wait_for_samples(1)
        delete(demo.reports)
        ended = demo.finish()
    assert (ended.status, ended.errors) == (4, f"demo: {demo.reports} was removed while the demo ran\n")


@pytest.mark.trial
def test_a_disk_that_is_full_after_a_few_samples_is_one_line(tmp_path: Path) -> None:
    """Before the demo has ended, and in Locust, not in the demo itself."""
    with running_demo(tmp_path / "demo", "--seconds", "20", preexec_fn=lambda: limit_file_size(2_048)) as demo:
        assert demo.finish().status == Status.FAILED


@pytest.mark.trial
def test_samples_that_are_a_folder_are_moved_aside(tmp_path: Path) -> None:
    """As what an earlier run left."""
    (tmp_path / "demo" / "samples.csv" / "inner").mkdir(parents=True)
    with running_demo(tmp_path / "demo", "--seconds", "2") as demo:
        assert demo.finish().status in JUDGED
    assert read_samples(tmp_path / "demo" / "samples.csv")


@pytest.mark.trial
@pytest.mark.parametrize(
    ("output", "line"), [(full_device, "demo: No space left on device\n"), (pipe_without_reader, "")]
)
def test_an_output_that_cannot_be_written_ends_the_demo(output: Full, line: str, tmp_path: Path) -> None:
    """Of a reader that went away nothing is said, as with `make demo | head -1`."""
    with output() as stdout, running_demo(tmp_path / "demo", "--seconds", "600", stdout=stdout) as demo:
        ended = demo.finish()
    assert (ended.status, ended.errors) == (4, line)


@pytest.mark.trial
def test_a_demo_without_an_output_ends_as_any_other(tmp_path: Path) -> None:
    """It was started as with `>&-`."""
    closing = ("sh", "-c", 'exec "$@" >&-', "sh")
    with running_demo(tmp_path / "demo", "--seconds", "6", "--rate", "50", wrapper=closing) as demo:
        assert demo.finish().status in {*JUDGED, Status.FAILED}


@pytest.mark.trial
@pytest.mark.parametrize("stderr", [full_pipe, pipe_without_reader, full_device])
def test_an_arm_at_its_memory_limit_ends_whatever_becomes_of_its_errors(stderr: Full) -> None:
    """In time, before it has a quarter more than its limit, and with the status of a process that was killed."""
    with stderr() as writer:
        status, of_its_limit = filled(writer)
    assert status == KILLED
    assert of_its_limit < 1.25


def delete(folder: Path) -> None:
    """Delete a folder that somebody is still writing to."""
    for _ in range(10):
        with suppress(OSError):
            shutil.rmtree(folder)
