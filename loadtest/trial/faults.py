"""What the machine can refuse: standard error, the disk, the reports folder, standard output."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from loadtest.trial import memory_limit
from loadtest.trial.rows import Plan, Result, Results, Trial, most, result
from loadtest.trial.short_demo import ENDS_WITHIN_S, ShortDemo, in_words, short_demo
from sadpath.errors import Status
from sadpath.watch.report import SAMPLES

FILE_BYTES = 2048
"""The size at which every file is full: a few seconds of samples."""

BROKEN_PIPE = 141
"""128 and SIGPIPE's 13, the status of a command whose reader has gone."""

REFUSED = {int(Status.FAILED)}
JUDGED = {int(Status.OK), int(Status.INCONCLUSIVE)}
"""The statuses of a demo that nothing kept from its verdict; one of a few seconds may be inconclusive."""

WITHOUT_READER = REFUSED | JUDGED | {BROKEN_PIPE}
"""A demo that nobody listens to may go on, say that it cannot, or end as any command does."""

CLOSING = ("sh", "-c", 'exec "$@" >&-', "sh")


def faults(plan: Plan) -> Results:
    """Try them one after another."""
    yield from memory_limit.attempts()
    for fault in FAULTS:
        yield fault(plan.folder)


def disk_full(folder: Path) -> Result:
    """No file may grow beyond a few seconds of samples."""
    with short_demo(folder / "disk-full") as demo:
        psutil.Process(demo.process.pid).rlimit(psutil.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        return judge("the disk is full", demo)


def reports_below_a_file(folder: Path) -> Result:
    """The reports folder cannot be made."""
    (folder / "file").touch()
    with short_demo(folder / "below", folder / "file" / "reports") as demo:
        return judge("the reports folder is below a file", demo)


def folder_deleted(folder: Path) -> Result:
    """Somebody tidies up while it runs."""
    with short_demo(folder / "deleted") as demo:
        demo.wait(lambda: len(demo.samples()) > 1, ENDS_WITHIN_S)
        _delete(demo.reports)
        return judge("the reports folder is deleted in mid-run", demo)


def samples_are_a_folder(folder: Path) -> Result:
    """A folder has the name of the samples: it is refused, or put aside with what an earlier run left."""
    (folder / "folder" / "reports" / SAMPLES / "inner").mkdir(parents=True)
    with short_demo(folder / "folder") as demo:
        demo.status()
        is_put_aside = (demo.reports / SAMPLES).is_file()
        return judge("samples.csv is a folder", demo, REFUSED | (JUDGED if is_put_aside else set()))


def reader_gone(folder: Path) -> Result:
    """Whoever read its output has gone, as with `make demo | head -1`."""
    with memory_limit.pipe_without_reader() as writer, short_demo(folder / "reader", stdout=writer) as demo:
        return judge("the reader of stdout has gone", demo, WITHOUT_READER)


def stdout_closed(folder: Path) -> Result:
    """It was started without a standard output, as with `>&-`."""
    with short_demo(folder / "closed", wrapper=CLOSING) as demo:
        return judge("stdout is closed", demo, WITHOUT_READER)


FAULTS: tuple[Callable[[Path], Result], ...] = (
    disk_full,
    reports_below_a_file,
    folder_deleted,
    samples_are_a_folder,
    reader_gone,
    stdout_closed,
)


def judge(what: str, demo: ShortDemo, expected: Iterable[int] = frozenset(REFUSED)) -> Result:
    """Wait for the demo's end, and judge it: its status, what is left of it, and no traceback."""
    return result(what, _failures(demo, sorted(expected)))


def worst(results: Sequence[Result]) -> str:
    """Return the most memory that an arm took, as a multiple of its limit."""
    return f"{most(results):.2f} of the memory limit"


def _failures(demo: ShortDemo, expected: Sequence[int]) -> Iterator[str]:
    demo.wait(lambda: len(demo.part("arm")) == 2 and demo.part("Locust"), ENDS_WITHIN_S)  # noqa: PLR2004 - both
    demo.note_ports()
    if (status := demo.status()) not in expected:
        yield f"{in_words(status)}, expected {' or '.join(map(str, expected))}"
    if status is None:
        demo.mark.end()
    yield from demo.remains()


def _delete(folder: Path) -> None:
    """Delete a folder that somebody is still writing to."""
    for _ in range(10):
        with suppress(OSError):
            shutil.rmtree(folder)
        if not folder.exists():
            return


TRIAL = Trial("faults", faults, worst)
