"""The trial: it reports what fails, and nothing that it looks for escapes it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from loadtest.commands import run
from loadtest.ports import free_port
from loadtest.server import Server, running
from loadtest.trial import attacks, command, faults, fuzz, kills, memory_limit
from loadtest.trial.kills import SIGNALS, TARGETS, Hit, Kill, expected_statuses, failures, lost_s, plan_kills
from loadtest.trial.marked import Mark, ports_of, still_open
from loadtest.trial.rows import SHOWN, Plan, Result, Results, Row, Trial, first_failure, page, reasons, result, table
from loadtest.trial.short_demo import ShortDemo
from sadpath.sources import Reading
from sadpath.watch.sample_file import Sample, SampleFile
from tests.waiting import until

ROOT = Path(__file__).parents[2]
ORPHANS = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import socket; one = socket.create_server(('127.0.0.1', 0)); one.accept()"],
                 start_new_session=True)
"""
"""It leaves a process in a session of its own, which listens, and whose parent has ended."""


def nothing(_: Plan) -> Results:
    """A trial without an attempt."""
    yield from ()


def run_trials(monkeypatch: pytest.MonkeyPatch, report: Path, *trials: Trial) -> int:
    """The exit status of the command with other trials than the real ones."""
    monkeypatch.setattr(command, "TRIALS", trials)
    monkeypatch.setattr(command, "NAMES", [one.name for one in trials])
    return run(["trial", "--report", str(report)])


def test_the_report_is_rows_and_nothing_else() -> None:
    """What reads it knows four fields."""
    row = {"name": "kills", "tried": 60, "failed": 1, "worst": "0.4 s"}
    assert page([Row("kills", 60, 1, "0.4 s")]) == {"rows": [row]}


def test_the_table_has_the_rows() -> None:
    """The worst figure may contain what rich takes for markup."""
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table([Row("fuzz", 50_000, 3, "[/x]")]))
    cells = [cell.strip() for cell in shown.get().splitlines()[3].strip("│ ").split("│")]
    assert cells == ["fuzz", "50,000", "3", "[/x]"]


def test_of_many_failures_the_first_are_shown() -> None:
    """And how many more there are; what did not fail is not."""
    results = [result("fine"), *(result(f"attempt {number}", ["", "it broke"]) for number in range(SHOWN + 3))]
    lines = reasons(results)
    assert lines[0] == "attempt 0: it broke"
    assert lines[SHOWN:] == ["and 3 more"]


@pytest.mark.parametrize(("reason", "status"), [("", 0), ("it broke", 1)])
def test_the_exit_status_is_whether_anything_failed(
    reason: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result of many attempts alike counts as so many."""

    def results(_: Plan) -> Results:
        yield result("one", [reason])
        yield Result("many", tried=9)

    report = tmp_path / "deep" / "trial.json"
    assert run_trials(monkeypatch, report, Trial("it", results, first_failure)) == status
    worst = f"one: {reason}" if reason else ""
    assert json.loads(report.read_text()) == {"rows": [{"name": "it", "tried": 10, "failed": status, "worst": worst}]}


def test_an_interrupt_leaves_the_rows_so_far_and_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial that runs is closed, whichever way it ends; those after it do not begin."""
    ended = []

    def interrupted(_: Plan) -> Results:
        try:
            yield result("one")
            signal.raise_signal(signal.SIGINT)
            yield result("two")
        finally:
            ended.append(True)

    report = tmp_path / "trial.json"
    trials = (Trial("first", interrupted, first_failure), Trial("second", interrupted, first_failure))
    assert run_trials(monkeypatch, report, *trials) == 130
    assert json.loads(report.read_text()) == {"rows": [{"name": "first", "tried": 1, "failed": 0, "worst": ""}]}
    assert ended == [True]


def test_an_unknown_trial_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and the names that there are."""
    assert run(["trial", "--only", "sorcery"]) == 2
    assert "kills" in capsys.readouterr().err


@pytest.fixture
def mark() -> Iterator[Mark]:
    """A mark whose processes end with the test."""
    one = Mark()
    yield one
    one.end()


def orphaned(mark: Mark) -> list[psutil.Process]:
    """The process that was left over, once it listens."""
    subprocess.run(
        [sys.executable, "-c", ORPHANS], env=mark.environment, check=True, timeout=60, stdin=subprocess.DEVNULL
    )
    until(lambda: ports_of(mark.processes()), 60, "the process that is left over to listen")
    return mark.processes()


def demo_at(folder: Path, mark: Mark) -> ShortDemo:
    """A demo that has ended, of which nothing is known yet but its folder."""
    for name in ("output", "errors"):
        (folder / name).touch()
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)
    process.wait()
    (folder / "reports").mkdir()
    return ShortDemo(folder, process, mark)


def test_a_process_that_outlives_its_parent_in_a_session_of_its_own_is_noticed(mark: Mark) -> None:
    """And its port; both are gone once it has been ended, and nobody else was."""
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=Mark().environment)
    (left,) = orphaned(mark)
    (port,) = ports_of([left])
    assert mark.left_over(0) == [left]
    assert still_open([port], 0) == [port]
    mark.end()
    assert mark.left_over(0) == []
    assert still_open([port]) == []
    assert bystander.poll() is None
    bystander.communicate(b"\n")


def test_a_demo_that_leaves_a_process_a_port_or_a_traceback_has_failed(
    tmp_path: Path, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its reason; the same demo without them has not."""
    monkeypatch.setattr(Mark.left_over, "__defaults__", (0.0,))
    monkeypatch.setattr(still_open, "__defaults__", (0.0,))
    demo, kill, hit = demo_at(tmp_path, mark), Kill("demo", signal.SIGINT, 0.0), Hit(time.time(), 0.0)
    assert list(filter(None, failures(demo, kill, hit, 130, 0.0))) == []
    orphaned(mark)
    demo.note_ports()
    (tmp_path / "errors").write_text("Traceback (most recent call last):\n  …\nKeyboardInterrupt\n")
    said = "; ".join(failures(demo, kill, hit, 120, 9.0))
    assert "status 120, expected 130" in said
    for reason in ("left running: ", "is still open", "a traceback: KeyboardInterrupt", "9.0 s of samples lost"):
        assert reason in said


def test_the_status_has_to_be_that_of_the_signal(tmp_path: Path, mark: Mark) -> None:
    """If the demo itself got it, and nothing was measured yet; later a verdict is as good, but not after SIGKILL."""
    demo, hit = demo_at(tmp_path, mark), Hit(time.time(), 0.0)
    statuses = {number: expected_statuses(demo, Kill("demo", number, 0.0), hit) for number in SIGNALS}
    assert statuses == {signal.SIGKILL: {137}, signal.SIGINT: {130}, signal.SIGTERM: {143}}
    write_samples(demo, range(2))
    assert expected_statuses(demo, Kill("demo", signal.SIGINT, 0.0), hit) == {130, 0, 1, 3}
    assert expected_statuses(demo, Kill("demo", signal.SIGKILL, 0.0), hit) == {137}
    assert expected_statuses(demo, Kill("arm", signal.SIGKILL, 0.0), hit) == {0, 1, 3, 4}
    said = "; ".join(failures(demo, Kill("demo", signal.SIGINT, 9.0), None, 120, 0.0))
    assert "status 120, expected 0 or 1 or 3" in said


def write_samples(demo: ShortDemo, seconds: range | list[int]) -> None:
    """A file of samples of one arm."""
    file = SampleFile(demo.reports / "samples.csv")
    for second in seconds:
        file.append(Sample(float(second), "reused", "measured", Reading(1)))
    file.close()


def test_samples_that_are_lost_are_counted(tmp_path: Path, mark: Mark) -> None:
    """A gap within the run, samples that were not on disk when it was killed, and a file that is gone."""
    demo = demo_at(tmp_path, mark)
    assert lost_s(demo, Hit(time.time(), 0.0)) == 0
    assert lost_s(demo, Hit(time.time(), 5.0)) == 5
    write_samples(demo, range(5))
    written = (demo.reports / "samples.csv").stat().st_mtime
    assert lost_s(demo, Hit(written + 0.5, 4.0)) == 0
    assert lost_s(demo, Hit(written + 8.0, 4.0)) == pytest.approx(7.0, abs=0.01)
    write_samples(demo, [0, 1, 2, 9, 10])
    assert lost_s(demo, None) == 6


def test_the_kills_cover_every_process_with_every_signal_and_a_seed_repeats_them() -> None:
    """From the very start of a demo on."""
    plan = list(plan_kills(60, 1))
    assert plan == list(plan_kills(60, 1)) != list(plan_kills(60, 2))
    assert {(one.target, one.signal) for one in plan} == {(name, number) for name in TARGETS for number in SIGNALS}
    assert min(one.moment_s for one in plan) < 0.1
    assert max(one.moment_s for one in plan) < 10


def test_a_killed_demo_is_judged(tmp_path: Path) -> None:
    """A real one, killed before it has started anything: nothing is wrong with that."""
    assert kills.attempt(Kill("demo", signal.SIGKILL, 0.0), tmp_path) == result("SIGKILL to demo at 0.00 s")


def test_a_trial_that_needs_what_is_not_installed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is tried, and with what to type instead."""
    trials = (Trial("here", nothing, first_failure), Trial("there", nothing, first_failure, "nope"))
    assert run_trials(monkeypatch, tmp_path / "trial.json", *trials) == 2
    assert "there needs nope, which `make trial` installs; choose others with --only: here" in capsys.readouterr().err
    assert not (tmp_path / "trial.json").exists()


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (memory_limit.Ended(137, 200), ""),
        (memory_limit.Ended(None, 384), "it did not end, expected status 137; it took 2.00 of its limit"),
        (memory_limit.Ended(1, 200), "status 1, expected status 137"),
    ],
)
def test_an_arm_at_its_limit_has_to_end_in_time_and_with_its_status(ended: memory_limit.Ended, reason: str) -> None:
    """The figure is how many times its limit it took."""
    judged = memory_limit.judge("the limit", ended, 192)
    assert (judged.failure, judged.figure) == (reason, ended.peak_mb / 192)


def test_a_full_pipe_takes_nothing() -> None:
    """Not one byte: else the line at the memory limit would fit in."""
    with memory_limit.full_pipe() as writer:
        os.set_blocking(writer, False)
        with pytest.raises(BlockingIOError):
            os.write(writer, b"x")


def test_a_fault_fails_by_its_status_and_by_a_traceback(
    tmp_path: Path, mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uncaught error has both."""
    demo = demo_at(tmp_path, mark)
    monkeypatch.setattr(ShortDemo, "status", lambda _: 1)
    (tmp_path / "errors").write_text("Traceback (most recent call last):\nOSError: [Errno 28]\n")
    assert faults.judge("disk", demo).failure == "status 1, expected 4; a traceback: OSError: [Errno 28]"
    monkeypatch.setattr(ShortDemo, "status", lambda _: 4)
    (tmp_path / "errors").write_text("demo: cannot write\n")
    assert not faults.judge("disk", demo).failed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that answers every GET with 200 and everything else with 501, as http.server does."""
    (tmp_path / "metrics").touch()
    one = Server(
        "files", ["-m", "http.server", "{port}", "--bind", "127.0.0.1", "-d", str(tmp_path)], tmp_path, free_port()
    )
    with running(one):
        yield one


def test_an_attack_that_is_answered_with_success_or_an_error_has_failed(server: Server) -> None:
    """Only a 4xx is a refusal; no answer is none."""
    assert attacks.refused(server, attacks.Attack("", "GET", "/metrics")).failure == "answered 200, expected a 4xx"
    assert attacks.refused(server, attacks.Attack("", "POST", "/metrics")).failure == "answered 501, expected a 4xx"
    assert not attacks.refused(server, attacks.Attack("", "GET", "/nowhere")).failed
    assert not attacks.scraped(server, ";;").failed
    server.stop()
    assert attacks.refused(server, attacks.Attack("", "GET", "/")).failure == "answered nothing, expected a 4xx"
    assert attacks.scraped(server, ";;").failure == "answered nothing, expected 200"


def test_an_attack_sends_the_headers_of_a_strangers_page() -> None:
    """`Host` once, and as it is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sent: list[bytes] = []

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                sent.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        one = attacks.Attack("", "POST", "/lab/release", attacks.OF_A_PAGE["Host and Origin evil.example"])
        assert not attacks.refused(Server("", [], Path(), port), one).failed
        thread.join(30)
    assert sent[0].count(b"Host: ") == 1
    assert b"Host: evil.example\r\nOrigin: http://evil.example\r\n" in sent[0]


@pytest.mark.parametrize("path", ["/lab/release", "/lab/settle", "/lab/strategy", "/swarm", "/stop"])
def test_every_control_is_attacked(path: str) -> None:
    """With the header of a page of another origin, at least."""
    tried = [*attacks.on_the_lab(), *attacks.on_locust()]
    assert [one for one in tried if one.path == path and one.headers.get("Origin") == attacks.STRANGER]


def test_a_public_address_is_never_that_of_anybody() -> None:
    """If it were accepted, no stranger would be loaded."""
    (body,) = (one.body for one in attacks.on_locust() if "reused_host" in one.body)
    assert "192.0.2." in body


def test_the_worst_of_the_odd_requests_tells_undeclared_answers_from_errors() -> None:
    """One failure may be of a thousand requests."""
    line = json.dumps({"tried": 1000, "undeclared": 2, "errors": 3, "example": "GET /: answered 500"})
    row = fuzz.TRIAL.row([fuzz.outcome(line), fuzz.outcome(line)])
    assert row == Row("fuzz", 2000, 10, "4 undeclared answers, 6 server errors")


def test_requests_that_were_not_sent_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason why the process that sends them ended."""
    monkeypatch.setattr(fuzz, "RUNNER", ("-c", "raise SystemExit('no schema')"))
    (left,) = list(fuzz.fuzz(Plan(tmp_path, requests=5)))
    assert left.failure == "ended after 0 of 5: no schema"
