"""The real demo, short: real processes, real load, a real report."""

import csv
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from loadtest.demo.earlier_runs import earlier_runs
from tests.waiting import until

ROOT = Path(__file__).parents[2]
REPORT = {"summary.json", "samples.csv", "memory.png", "report.html"}


@dataclass
class Demo:
    """A demo that runs, and where its report goes."""

    process: "subprocess.Popen[str]"
    reports: Path

    def finish(self) -> tuple[int, str]:
        """Its exit status, and its output."""
        output, _ = self.process.communicate(timeout=90)
        return self.process.returncode, output

    def rows(self, arm: str) -> list[dict[str, str]]:
        """The samples of one arm that are on disk."""
        path = self.reports / "samples.csv"
        rows = csv.DictReader(path.read_text().splitlines()) if path.exists() else []
        return [row for row in rows if row["arm"] == arm]

    def wait_for_samples(self, count: int) -> None:
        """Wait until there are this many of the reused arm."""
        until(lambda: len(self.rows("reused")) >= count, 60, f"{count} samples")

    def summary(self) -> dict[str, Any]:
        """What it found."""
        return dict(json.loads((self.reports / "summary.json").read_text()))

    def processes(self) -> list[psutil.Process]:
        """Itself and all that it started."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def find(self, word: str, **environment: str) -> psutil.Process:
        """The process that it started with `word` in its command and this in its environment; not the one above it."""
        return next(
            process
            for process in self.processes()[1:]
            if word in process.cmdline()
            and not any("lifeline" in word for word in process.cmdline())
            and environment.items() <= process.environ().items()
        )


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a demo with these options; whatever happens in the test, it does not keep running."""
    demos: list[Demo] = []

    def run(*options: str) -> Demo:
        reports = tmp_path / "reports"
        command = [sys.executable, "-m", "loadtest", "demo", "--reports", str(reports), *options]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        demos.append(Demo(process, reports))
        return demos[-1]

    yield run
    for demo in demos:
        demo.process.kill()
        demo.process.communicate()


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_the_reused_error_leaks_and_the_new_one_does_not(start: Start) -> None:
    """The main job: a leak of more than 10,000 bytes a request beside a flat twin, and all the reports."""
    demo = start("--seconds", "16", "--rate", "300")
    status, output = demo.finish()
    assert status == 0, output
    arms = demo.summary()["arms"]
    assert (arms["reused"]["verdict"], arms["factory"]["verdict"]) == ("leaks", "flat")
    assert arms["reused"]["ci95"][0] > 10_000
    assert arms["reused"]["traceback_entries_per_request"] > 5
    assert REPORT <= {path.name for path in demo.reports.iterdir()}


@pytest.mark.slow
def test_another_twin_is_reported_by_the_names_of_its_variants(start: Start) -> None:
    """A cache's: two entries per request; the terminal, the summary and the report name the variants."""
    demo = start("--twin", "error-cache", "--seconds", "8", "--warm-up", "1", "--rate", "300")
    status, output = demo.finish()
    arms = demo.summary()["arms"]
    paths = "held = /twins/error-cache/held, copied = /twins/error-cache/copied"
    assert list(arms) == ["held", "copied"]
    assert arms["held"]["verdict"] == "leaks"
    assert arms["held"]["traceback_entries_per_request"] == pytest.approx(2, abs=0.1)
    assert status == (0 if arms["copied"]["verdict"] == "flat" else 3), output  # it may be too short to call it flat
    assert f"{paths}\n" in output
    assert re.search("^held: .*two entries.*$", output, re.MULTILINE)
    assert not re.search(r"\b(reused|factory) (\d|leaks|flat|inconclusive)", output)
    assert paths in (demo.reports / "report.html").read_text()
    assert {row["p99_ms"] for row in demo.rows("held")} - {""}


def test_an_unknown_twin_prints_the_list(start: Start) -> None:
    """The command is wrong: nothing keeps running, and an older report is still there."""
    demo = start("--twin", "leeks", "--seconds", "60")
    demo.reports.mkdir()
    (demo.reports / "summary.json").write_text("of an earlier run")
    until(lambda: len(demo.processes()) > 2, 20, "the arms to start")
    processes = demo.processes()
    status, output = demo.finish()
    assert status == 2
    assert output.startswith("demo: unknown twin 'leeks'; the twins are:\n  asgi-middleware ")
    assert output.splitlines()[-1].startswith("  logged ")
    assert "Traceback" not in output
    assert all_gone(processes)
    assert (demo.reports / "summary.json").read_text() == "of an earlier run"


@pytest.mark.slow
def test_an_earlier_run_is_kept_beside_the_newest(start: Start) -> None:
    """Under the time at which it ended; the folder itself has the newest run."""
    start("--seconds", "2").finish()
    demo = start("--seconds", "2")
    demo.finish()
    (beside,) = earlier_runs(demo.reports)
    assert REPORT <= {path.name for path in beside.iterdir()}
    assert REPORT <= {path.name for path in demo.reports.iterdir()}


def test_its_page_is_live_while_it_runs(start: Start) -> None:
    """The address is printed first, when the page answers; it has the samples, and no script from elsewhere."""
    demo = start("--seconds", "0")
    assert demo.process.stdout
    address = re.search(r"http://127\.0\.0\.1:\d+/sadpath", demo.process.stdout.readline())
    assert address
    page = urlopen(address[0]).read().decode()
    demo.wait_for_samples(3)
    rows = json.load(urlopen(f"{address[0]}/rows"))["rows"]
    assert {row["arm"] for row in rows} == {"reused", "factory"}
    linked = {"live.css", "live.js", "stage.js", "charts.js"}
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {"data:,", "./", *(f"sadpath/{name}" for name in linked)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_everything_and_still_leaves_the_report(start: Start, number: signal.Signals) -> None:
    """One Ctrl-C is enough, and a SIGTERM does the same."""
    demo = start("--seconds", "0", "--warm-up", "1")
    demo.wait_for_samples(6)
    processes = demo.processes()
    demo.process.send_signal(number)
    status, output = demo.finish()
    assert status in {0, 3}, output  # a run cut short may be too short to decide
    assert REPORT <= {path.name for path in demo.reports.iterdir()}
    assert all_gone(processes)


@pytest.mark.slow
def test_an_arm_that_is_killed_is_restarted_and_the_verdict_holds(start: Start) -> None:
    """Two process lifetimes, judged apart; the terminal, the summary and the report show the restart."""
    demo = start("--seconds", "16", "--warm-up", "2", "--rate", "300")
    demo.wait_for_samples(8)
    demo.find("uvicorn", LAB_ARM="reused").kill()
    status, output = demo.finish()
    assert status == 0, output
    assert "reused: exit status 137, restarted (1)\n" in output
    assert demo.summary()["arms"]["reused"]["restarts"] == 1
    assert "was restarted; its new process lifetime" in (demo.reports / "report.html").read_text()


@pytest.mark.slow
def test_an_arm_that_crosses_its_memory_limit_says_why_and_is_restarted(start: Start) -> None:
    """128 KiB per request reach 200 MiB within seconds, and the machine never notices."""
    demo = start(
        "--seconds", "17", "--warm-up", "2", "--memory-limit-mb", "200", "--rate", "200", "--context-kb", "128"
    )
    status, output = demo.finish()
    assert status == 0, output
    line = r"^reused: over its memory limit \(2\d\d of 200 MiB resident\); exit status 137, restarted \(1\)$"
    assert re.search(line, output, re.MULTILINE)
    assert demo.summary()["arms"]["reused"]["restarts"] >= 1
    assert demo.summary()["arms"]["factory"]["restarts"] == 0
    assert max(float(row["resident_bytes"] or 0) for row in demo.rows("reused")) < 300 * 2**20


@pytest.mark.slow
def test_when_locust_is_killed_what_was_sampled_becomes_the_report(start: Start) -> None:
    """It reports what died, exits with 4, and nothing keeps running."""
    demo = start("--seconds", "60", "--warm-up", "1")
    demo.wait_for_samples(8)
    sampled = len(demo.rows("reused"))
    processes = demo.processes()
    demo.find("locust").kill()
    status, output = demo.finish()
    assert status == 4
    assert "Locust ended with status 137" in output
    assert REPORT <= {path.name for path in demo.reports.iterdir()}
    assert len(demo.rows("reused")) >= sampled
    assert all_gone(processes)


def test_when_the_demo_itself_is_killed_nothing_is_left_running(start: Start) -> None:
    """Not even by SIGKILL; what was sampled until then is on disk, whole rows of it."""
    demo = start("--seconds", "60", "--warm-up", "1")
    demo.wait_for_samples(5)
    processes = demo.processes()
    assert len(processes) >= 7
    demo.process.kill()
    until(lambda: all_gone(processes), 10, "the demo's processes to end")
    rows = demo.rows("reused")
    assert len(rows) >= 5
    assert all(row["missing"] or float(row["resident_bytes"]) > 2**20 for row in rows)


def test_when_the_demo_and_those_who_guard_its_processes_are_killed_at_once_nothing_is_left(start: Start) -> None:
    """The kernel ends what nobody is left to end (Linux)."""
    demo = start("--seconds", "60", "--warm-up", "1")
    demo.wait_for_samples(2)
    processes = demo.processes()
    guards = [process for process in processes if any("lifeline" in word for word in process.cmdline())]
    assert len(guards) == 3
    for process in (*guards, processes[0]):
        process.kill()
    until(lambda: all_gone(processes), 10, "the demo's processes to end")


@pytest.mark.parametrize(("number", "ends_with"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_before_anything_was_measured_keeps_the_older_report(
    start: Start, number: signal.Signals, ends_with: int
) -> None:
    """And does not take it for its own; the exit status is that of the signal."""
    demo = start("--seconds", "60")
    demo.reports.mkdir()
    for name in REPORT:
        (demo.reports / name).write_text("of an earlier run")
    until(lambda: len(demo.processes()) > 2, 20, "the arms to start")
    demo.process.send_signal(number)
    status, output = demo.finish()
    assert (status, "Nothing was measured." in output) == (ends_with, True)
    assert {(demo.reports / name).read_text() for name in REPORT} == {"of an earlier run"}


def test_a_port_that_is_taken_is_one_clear_line(start: Start) -> None:
    """Which port, and what to type; nothing was started, and an older report is still there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        demo = start("--port", str(taken.getsockname()[1]))
        status, output = demo.finish()
    assert status == 4
    assert re.fullmatch(r"demo: port \d+ is in use; set another with DEMO_PORT or --port, or 0 for any\n", output)
    assert not demo.reports.exists()


def test_an_arm_that_dies_at_once_is_one_clear_line(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the arm, and the last line of its output."""
    monkeypatch.setenv("LAB_METRICS", "everything")
    status, output = start("--seconds", "15").finish()
    assert status == 4
    assert "demo: reused ended at once: LAB_METRICS=everything: " in output
    assert "Traceback" not in output
