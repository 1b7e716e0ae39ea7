"""The real demo, short: real processes, real load, a real report."""

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtest.commands import run
from sadpath.files import earlier_runs
from sadpath.hosts import direct_opener
from tests.running_demo import REPORT, Ended, RunningDemo, command, running_demo

Start = Callable[..., RunningDemo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a demo with these options; whatever happens in the test, it does not keep running."""
    with ExitStack() as demos:
        yield lambda *options, **how: demos.enter_context(running_demo(tmp_path / "reports", *options, **how))


def leave_older_report(reports: Path) -> None:
    reports.mkdir(parents=True)
    for name in REPORT:
        (reports / name).write_text("of an earlier run")


def is_older_report(reports: Path) -> bool:
    return {(reports / name).read_text() for name in REPORT} == {"of an earlier run"}


@dataclass(frozen=True)
class Shown:
    """A demo that ran to its end, and what its live page was while it ran."""

    demo: RunningDemo
    ended: Ended
    page: str
    arms: set[str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The one demo of the headline that runs to its end. An earlier run is in its folder."""
    reports = tmp_path_factory.mktemp("demo") / "reports"
    leave_older_report(reports)
    with running_demo(reports, "--seconds", "16", "--rate", "300") as demo:
        assert demo.process.stdout
        first = demo.process.stdout.readline()
        with direct_opener().open(demo.page, timeout=60) as answer:
            page = answer.read().decode()
        demo.wait_for_samples(3)
        with direct_opener().open(f"{demo.page}/rows", timeout=60) as answer:
            arms = {row["arm"] for row in json.load(answer)["rows"]}
        ended = demo.finish()
        yield Shown(demo, Ended(ended.status, first + ended.output, ended.errors), page, arms)


def test_the_reused_error_leaks_and_the_new_one_does_not(shown: Shown) -> None:
    """The main job: a leak of more than 10,000 bytes a request beside a flat twin, and all the reports."""
    assert shown.ended.status == 0, shown.ended
    arms = shown.demo.summary()["arms"]
    assert (arms["reused"]["verdict"], arms["factory"]["verdict"]) == ("leaks", "flat")
    assert arms["reused"]["ci95"][0] > 10_000
    assert arms["reused"]["traceback_entries_per_request"] > 5
    assert REPORT <= {path.name for path in shown.demo.reports.iterdir()}


def test_its_page_is_live_while_it_runs(shown: Shown) -> None:
    """The address is printed first, when the page answers; it has the samples, and no script from elsewhere."""
    assert shown.ended.output.startswith(f"Page: {shown.demo.page} ")
    assert shown.arms == {"reused", "factory"}
    linked = {"live.css", "live.js", "stage.js", "charts.js"}
    named = set(re.findall(r'(?:src|href)="([^"]*)"', shown.page))
    assert named == {"data:,", "./", *(f"sadpath/{name}" for name in linked)}


def test_an_earlier_run_is_kept_beside_the_newest(shown: Shown) -> None:
    """Under its time; the folder itself has the newest run."""
    (beside,) = earlier_runs(shown.demo.reports.parent, "reports-")
    assert is_older_report(beside)


@pytest.mark.slow
def test_another_twin_is_reported_by_the_names_of_its_variants(start: Start) -> None:
    """A cache's: two entries per request; the terminal, the summary and the report name the variants."""
    demo = start("--twin", "error-cache", "--seconds", "8", "--warm-up", "1", "--rate", "300")
    ended = demo.finish()
    arms = demo.summary()["arms"]
    paths = "held = /twins/error-cache/held, copied = /twins/error-cache/copied"
    assert list(arms) == ["held", "copied"]
    assert arms["held"]["verdict"] == "leaks"
    assert arms["held"]["traceback_entries_per_request"] == pytest.approx(2, abs=0.1)
    assert ended.status == (0 if arms["copied"]["verdict"] == "flat" else 3)  # it may be too short to call it flat
    assert f"{paths}\n" in ended.output
    assert re.search("^held: .*two entries.*$", ended.output, re.MULTILINE)
    assert not re.search(r"\b(reused|factory) (\d|leaks|flat|inconclusive)", ended.output)
    assert paths in (demo.reports / "report.html").read_text()
    assert {sample.latency.p99_ms for sample in demo.samples("held")} - {None}


def test_an_unknown_twin_prints_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command is wrong; an older report is still there."""
    leave_older_report(tmp_path / "reports")
    assert run(["demo", "--twin", "leeks", "--reports", str(tmp_path / "reports")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "demo: unknown twin 'leeks'; the twins are:"
    assert (lines[1].split()[0], lines[-1].split()[0]) == ("asgi-middleware", "logged")
    assert is_older_report(tmp_path / "reports")


def test_an_interrupt_stops_everything_and_still_leaves_the_report(start: Start) -> None:
    """One signal is enough, also for Locust, and a SIGTERM does the same as Ctrl-C."""
    demo = start("--seconds", "0", "--warm-up", "1")
    demo.wait_for_samples(3)
    demo.process.send_signal(signal.SIGTERM)
    ended = demo.finish()
    assert ended.status in {0, 3}, ended  # a run cut short may be too short to decide
    assert REPORT <= {path.name for path in demo.reports.iterdir()}
    assert "Shutting down" in (demo.reports / "locust.log").read_text()


def test_an_interrupt_before_anything_was_measured_keeps_the_older_report(start: Start, tmp_path: Path) -> None:
    """And does not take it for its own; the exit status is that of the signal."""
    leave_older_report(tmp_path / "reports")
    demo = start("--seconds", "60")
    demo.wait(lambda: demo.part("helper"), "the arms to start")
    demo.process.send_signal(signal.SIGINT)
    ended = demo.finish()
    assert (ended.status, "Nothing was measured." in ended.output) == (130, True)
    assert is_older_report(demo.reports)


@pytest.mark.slow
def test_an_arm_that_is_killed_is_restarted_and_the_verdict_holds(start: Start) -> None:
    """Two process lifetimes, judged apart; the terminal, the summary and the report show the restart."""
    demo = start("--seconds", "16", "--warm-up", "2", "--rate", "300")
    demo.wait_for_samples(8)
    demo.part("arm", "reused")[0].kill()
    ended = demo.finish()
    assert ended.status == 0, ended
    assert "reused: exit status 137, restarted (1)\n" in ended.output
    assert demo.summary()["arms"]["reused"]["restarts"] == 1
    assert "was restarted; its new process lifetime" in (demo.reports / "report.html").read_text()


@pytest.mark.slow
def test_an_arm_that_crosses_its_memory_limit_says_why_and_is_restarted(start: Start) -> None:
    """128 KiB per request reach 200 MiB within seconds, and the machine never notices."""
    demo = start(
        "--seconds", "17", "--warm-up", "2", "--memory-limit-mb", "200", "--rate", "200", "--context-kb", "128"
    )
    ended = demo.finish()
    assert ended.status == 0, ended
    line = r"^reused: over its memory limit \(2\d\d of 200 MiB resident\); exit status 137, restarted \(1\)$"
    assert re.search(line, ended.output, re.MULTILINE)
    assert demo.summary()["arms"]["reused"]["restarts"] >= 1
    assert demo.summary()["arms"]["factory"]["restarts"] == 0
    assert max(one.reading.resident_bytes for one in demo.samples("reused") if one.reading) < 300 * 2**20


@pytest.mark.slow
def test_when_locust_is_killed_what_was_sampled_becomes_the_report(start: Start) -> None:
    """It reports what died, exits with 4, and nothing keeps running."""
    demo = start("--seconds", "600", "--warm-up", "1")
    demo.wait_for_samples(8)
    demo.part("Locust")[0].kill()
    ended = demo.finish()
    assert ended.status == 4
    assert "Locust ended with status 137" in ended.output
    assert REPORT <= {path.name for path in demo.reports.iterdir()}
    assert len(demo.samples("reused")) >= 8


def test_when_the_demo_itself_is_killed_nothing_is_left_running(start: Start) -> None:
    """Not even by SIGKILL; what was sampled until then is on disk, whole rows of it."""
    demo = start("--seconds", "600", "--warm-up", "1")
    demo.wait_for_samples(3)
    assert len(demo.mark.processes()) >= 7
    demo.process.kill()
    demo.finish()
    samples = demo.samples("reused")
    assert len(samples) >= 3
    assert all(one.missing or (one.reading and one.reading.resident_bytes > 2**20) for one in samples)


@pytest.mark.slow
def test_when_the_demo_and_those_who_guard_its_processes_are_killed_at_once_nothing_is_left(start: Start) -> None:
    """The kernel ends what nobody is left to end (Linux)."""
    demo = start("--seconds", "600", "--warm-up", "1")
    demo.wait_for_samples(2)
    guards = demo.part("helper")
    assert len(guards) == 3, list(map(command, guards))
    for guard in guards:
        guard.kill()
    demo.process.kill()
    demo.finish()


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which port, and what to type; nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        typed = ["demo", "--port", str(taken.getsockname()[1]), "--reports", str(tmp_path / "reports")]
        assert run(typed) == 4
    line = r"demo: port \d+ is in use; set another with DEMO_PORT or --port, or 0 for any\n"
    assert re.fullmatch(line, capsys.readouterr().err)
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("place", ["below/a/file", "/proc/sadpath"])
def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason of the system; nothing was started."""
    (tmp_path / "below").touch()
    assert run(["demo", "--reports", str(tmp_path / place)]) == 4
    error = capsys.readouterr().err
    assert error.startswith(f"demo: cannot write to {tmp_path / place}: ")
    assert error.count("\n") == 1


def test_an_arm_that_dies_at_once_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the arm, and the last line of its output."""
    monkeypatch.setenv("LAB_METRICS", "everything")
    assert run(["demo", "--reports", str(tmp_path)]) == 4
    assert capsys.readouterr().err.startswith("demo: reused ended at once: LAB_METRICS=everything: ")
