"""`reports/demo` is always the newest run; a few earlier ones stay beside it."""

from pathlib import Path

from loadtest.demo import KEPT_RUNS, keep_earlier_run
from sadpath.files import earlier_runs
from sadpath.watch.run import Conditions, write_conditions


def leave_run(reports: Path, minute: int = 0) -> str:
    """Leave a run that began in this minute; returns the name that its folder gets."""
    reports.mkdir(exist_ok=True)
    (reports / "samples.csv").touch()
    write_conditions(reports / "run.json", Conditions(started=f"2026-11-24T03:{minute:02}:25+00:00"))
    return f"{reports.name}-2026-11-24T03-{minute:02}-25"


def test_a_run_is_moved_beside_under_the_time_at_which_it_began(tmp_path: Path) -> None:
    """With all its files; others that lie in the folder stay there."""
    reports = tmp_path / "demo"
    name = leave_run(reports)
    (reports / "notes.txt").touch()
    keep_earlier_run(reports)
    assert [path.name for path in reports.iterdir()] == ["notes.txt"]
    assert {path.name for path in (tmp_path / name).iterdir()} == {"samples.csv", "run.json"}


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    """The oldest are removed, and no folder that only has a similar name."""
    reports, other = tmp_path / "demo", tmp_path / "demo-of-mine"
    other.mkdir()
    names = []
    for minute in range(KEPT_RUNS + 2):
        names.append(leave_run(reports, minute))
        keep_earlier_run(reports)
    assert [path.name for path in earlier_runs(tmp_path, "demo-")] == names[2:]
    assert other.exists()


def test_without_an_earlier_run_nothing_is_moved(tmp_path: Path) -> None:
    """As on the first run."""
    (tmp_path / "demo").mkdir()
    keep_earlier_run(tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
