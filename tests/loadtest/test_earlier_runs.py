"""`reports/demo` is always the newest run; a few earlier ones stay beside it."""

import os
import time
from pathlib import Path

from loadtest.demo.earlier_runs import KEPT_RUNS, TIME, earlier_runs, keep_earlier_run


def leave_run(reports: Path, ended_s: float) -> str:
    """Leave a run that ended then; returns the name that its folder gets."""
    reports.mkdir(exist_ok=True)
    for name in ("samples.csv", "summary.json"):
        (reports / name).write_text(str(ended_s))
        os.utime(reports / name, (ended_s, ended_s))
    return f"{reports.name}-{time.strftime(TIME, time.localtime(ended_s))}"


def test_a_run_is_moved_beside_under_the_time_at_which_it_ended(tmp_path: Path) -> None:
    """With all its files; others that lie in the folder stay there."""
    reports = tmp_path / "demo"
    name = leave_run(reports, 1_700_000_000)
    (reports / "notes.txt").touch()
    keep_earlier_run(reports)
    assert [path.name for path in reports.iterdir()] == ["notes.txt"]
    assert {path.name for path in (tmp_path / name).iterdir()} == {"samples.csv", "summary.json"}


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    """The oldest are removed, and no folder that only has a similar name."""
    reports, other = tmp_path / "demo", tmp_path / "demo-of-mine"
    other.mkdir()
    names = []
    for number in range(KEPT_RUNS + 2):
        names.append(leave_run(reports, 1_700_000_000 + 60 * number))
        keep_earlier_run(reports)
    assert [path.name for path in earlier_runs(reports)] == names[2:]
    assert other.exists()


def test_without_an_earlier_run_nothing_is_moved(tmp_path: Path) -> None:
    """As on the first run."""
    (tmp_path / "demo").mkdir()
    keep_earlier_run(tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
