"""The cost curve. What a request costs is measured by `make cost`, and never asserted here."""

import json
import re
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from experiments.compare.cost import CHECKPOINTS, CostWindow, check_memory, memory_needed, up_to, windows
from experiments.compare.cost_figures import ArmWindow, Checkpoint, ratio_table, summarise, table
from experiments.compare.cost_picture import APART, chart_rows, headline, picture
from experiments.compare.inside import read_pauses
from experiments.compare.turns import Lane, Part, PartResult, RoundFailed, play, used_s
from loadtest.ports import free_ports
from loadtest.server import Server, running
from sadpath.errors import CommandError
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300.0  # only ends what hangs: a busy machine takes its time
pytestmark = pytest.mark.timeout(2 * DEADLINE_S)
GIB = 2**30


@dataclass
class Run:
    """A measurement that runs in a process of its own."""

    process: "subprocess.Popen[str]"
    reports: Path

    def page(self) -> dict[str, Any]:
        """The figures that are on disk."""
        path = self.reports / "cost.json"
        return dict(json.loads(path.read_text())) if path.exists() else {"rows": []}

    def finish(self) -> tuple[int, str, str]:
        """Its exit status, its output, and its errors."""
        output, errors = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, output, errors


def cost(reports: Path, *options: str) -> Run:
    command = [sys.executable, "-m", "experiments", "cost", "--reports", str(reports), *options]
    return Run(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True), reports)


def measured(*cpu_us: float, response_ms: float = 1.0, pauses_s: tuple[float, ...] = ()) -> ArmWindow:
    """Slices of ten requests, one for each CPU time, and the collections among them."""
    slices = [PartResult("", 10, cpu_s=cpu * 10e-6, wall_s=0.1, response_ms=[response_ms] * 10) for cpu in cpu_us]
    return ArmWindow(slices, pauses_s)


def compared(reused: ArmWindow, factory: ArmWindow, served: int = 1000) -> Checkpoint:
    return summarise(served, (0, 0), {"reused": reused, "factory": factory})


def png_size(page: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", page[16:24])
    return width, height


def test_a_window_lies_around_its_checkpoint() -> None:
    """From a growth by a quarter before it to one after it, and never over fewer than a thousand requests."""
    assert (CostWindow(50_000).first, CostWindow(50_000).last) == (40_000, 62_500)
    assert (CostWindow(1000).first, CostWindow(1000).last) == (500, 1500)
    assert (CostWindow(100).first, CostWindow(100).last) == (50, 150)


def test_a_window_is_dealt_out_whole() -> None:
    """No request is lost, and no slice is much larger than another."""
    for checkpoint in (100, 1000, 5001, 50_000):
        slices = CostWindow(checkpoint).slices
        assert sum(slices) == CostWindow(checkpoint).last - CostWindow(checkpoint).first
        assert max(slices) - min(slices) <= 1
        assert len(slices) >= 20


def test_the_usual_windows_do_not_overlap() -> None:
    """They come in order, also where they were not named in order, and each once."""
    usual = [window.checkpoint for window in windows(CHECKPOINTS)]
    assert usual == [1000, 2000, 5000, 10_000, 20_000, 50_000]
    assert [window.checkpoint for window in windows([300, 100, 300])] == [100, 300]


def test_fewer_checkpoints_still_do_not_overlap() -> None:
    """The last is the one asked for; what is too near to it is left out."""
    assert up_to(50_000) == list(CHECKPOINTS)
    assert up_to(6000) == [1000, 2000, 6000]
    assert all(windows(up_to(most)) for most in range(100, 60_000, 700))


@pytest.mark.parametrize("checkpoints", [[1000, 1100], [50], []])
def test_checkpoints_that_cannot_be_are_refused(checkpoints: list[int]) -> None:
    """Those that are too near to each other or to the start, and none; the option is named."""
    with pytest.raises(CommandError, match="--checkpoints"):
        windows(checkpoints)


def test_too_little_memory_says_how_many_requests_fit() -> None:
    """Before anything starts to swap; and what it names does fit."""
    plan = windows(CHECKPOINTS)
    with pytest.raises(CommandError, match=r"62500 requests need \d+ MiB of memory and 1024 are free") as refusal:
        check_memory(plan, GIB)
    (fewer,) = re.findall(r"--upto (\d+)", str(refusal.value))
    check_memory(windows(up_to(int(fewer))), GIB)
    check_memory(plan, memory_needed(plan))


def test_a_rare_collection_is_in_the_mean_and_not_in_the_typical_slice() -> None:
    """One slice of ten that a collection falls into doubles the mean, and its interval shows how uncertain that is."""
    found = compared(measured(*[100.0] * 9, 1100.0, pauses_s=(0.01,)), measured(*[100.0] * 10))
    reused = found.arms[0]
    mean, typical = reused.estimates["cpu_us_per_request"], reused.estimates["cpu_us_between_collections"]
    assert mean.value == pytest.approx(200)
    assert mean.ci95[0] == pytest.approx(100)
    assert mean.ci95[1] > 300
    assert [typical.value, *typical.ci95] == pytest.approx([100, 100, 100])
    assert (reused.long_collections, reused.longest_pause_ms, reused.paused) == (1, 10.0, 0.01)
    assert found.ratios["cpu_us_per_request"].verdict == "inconclusive"


def test_a_neighbour_that_disturbs_both_arms_changes_no_ratio() -> None:
    """The slices are in pairs: what makes both twice as slow is not taken for a difference."""
    ratios = compared(measured(200, 400, 200, 800), measured(100, 200, 100, 400)).ratios
    assert ratios["cpu_us_per_request"].ratio == pytest.approx(2)
    assert list(ratios["cpu_us_per_request"].ci95) == pytest.approx([2, 2])


@pytest.mark.parametrize(("response_ms", "verdict"), [(2.0, "more"), (0.5, "less"), (1.0, "inconclusive")])
def test_a_ratio_is_named_by_its_interval(response_ms: float, verdict: str) -> None:
    """And inconclusive where the interval holds 1."""
    ratios = compared(measured(1, 2, response_ms=response_ms), measured(1, 2)).ratios
    assert ratios["p50_ms"].verdict == ratios["p99_ms"].verdict == verdict


def test_the_same_slices_have_the_same_intervals() -> None:
    """The bootstrap adds no chance of its own."""
    one, other = (compared(measured(1, 2, 3, 4), measured(1, 3, 2, 1)) for _ in range(2))
    assert one == other


def test_the_tables_fit_into_eighty_columns() -> None:
    """With figures of three and four digits; what is inconclusive is named so."""
    reused, factory = measured(*[400.0] * 9, 2000.0, response_ms=900.0), measured(*[100.0] * 10, response_ms=900.0)
    found = [compared(reused, factory, served=50_000)]
    console = Console(file=StringIO(), width=80)
    console.print(table(found))
    console.print(ratio_table(found))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in drawn
    assert "inconclusive" in drawn
    assert [text.split()[3] for text in drawn.splitlines() if "50,000" in text][:2] == ["reused", "factory"]


def test_the_picture_is_for_a_slide() -> None:
    """About 16 to 9, and its title has what was measured: no ratio where it is inconclusive."""
    found = [
        compared(measured(400, 500, pauses_s=(1.5,)), measured(100, 110), served=served) for served in (1000, 50_000)
    ]
    width, height = png_size(picture(found, "Python 3"))
    assert width >= 1600
    assert width / height == pytest.approx(16 / 9, rel=0.05)
    assert headline(found[-1]).startswith("After 50,000 reused errors: 4.3 times (4.0 to 4.5) the CPU time")
    assert headline(found[-1]).endswith("pauses of up to 1.5 s")
    assert "inconclusive" in headline(compared(measured(100, 120), measured(120, 100)))


def test_the_names_of_lines_that_meet_are_drawn_apart() -> None:
    """All six response times end alike here."""
    found = compared(measured(1, 1, response_ms=2.0), measured(1, 1, response_ms=2.0))
    heights = sorted(row["label_at"] for row in chart_rows(found.arms) if "label_at" in row)
    assert len(heights) == 6
    assert all(above >= APART * below for below, above in pairwise(heights))


def test_long_collections_of_a_module_are_written_down(tmp_path: Path) -> None:
    """In seconds, and when they began; the module runs as it would without."""
    (tmp_path / "heavy.py").write_text(
        "import gc, sys\nx = [[] for _ in range(300_000)]\ngc.collect()\nprint(sys.argv[1])"
    )
    page = tmp_path / "pauses"
    assert read_pauses(page) == []
    command = [sys.executable, "-m", "experiments.compare.inside", "pauses", str(page), "-m", "heavy", "hello"]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    assert ended.stdout == "hello\n"
    assert max(read_pauses(page)) > 0.001
    assert read_pauses(page, since=time.monotonic()) == []


def test_a_round_sends_exactly_its_requests_and_names_who_answers_wrongly(tmp_path: Path) -> None:
    """In slices, to each server in turn; what was not asked for ends the round."""
    arguments = ["-m", "http.server", "{port}", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    servers = [Server(name, arguments, tmp_path, port) for name, port in zip("ab", free_ports(2), strict=True)]
    with running(*servers):
        lanes = [Lane(server.name, server) for server in servers]
        results = play([Part(lane, "/missing", requests) for lane, requests in zip(lanes, (50, 25), strict=True)], 10)
        assert {name: len(one.response_ms) for name, one in results.items()} == {"a": 50, "b": 25}
        assert (tmp_path / "b.log").read_text().count('"GET /missing') == 25
        assert all(one.cpu_s > 0 and one.wall_s > 0 for one in results.values())
        with pytest.raises(RoundFailed, match=r"^b: answered 200, not 404$"):
            play([Part(lanes[0], "/missing", 20), Part(lanes[1], "/", 20)])


def test_cpu_time_is_read_finely() -> None:
    """Work that takes less than a hundredth of a second is seen, and a process that is gone is an error."""
    ours = psutil.Process().pid
    before = used_s(ours)
    sum(range(100_000))
    assert 0 < used_s(ours) - before < 1
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(30)
    with pytest.raises((OSError, psutil.Error)):
        used_s(gone.pid)


def test_a_run_leaves_figures_and_a_picture(tmp_path: Path) -> None:
    """A real one, of a hundred and fifty requests to each of two real services."""
    run = cost(tmp_path, "--checkpoints", "100")
    status, output, errors = run.finish()
    assert (status, errors) == (0, "")
    page = run.page()
    assert {"python", "starlette", "fastapi", "platform", "cpus"} <= page["environment"].keys()
    assert [(row["requests_served"], row["arm"], row["window"]) for row in page["rows"]] == [
        (100, "reused", [50, 150]),
        (100, "factory", [50, 150]),
    ]
    for row in page["rows"]:
        for figure in ("cpu_us_per_request", "p50_ms", "p99_ms"):
            low, high = row[f"{figure}_ci95"]
            assert 0 < low <= row[figure] <= high
        assert row["p50_ms"] <= row["p99_ms"] <= row["longest_ms"]
        assert 10 < row["cpu_us_per_request"] < 1e6
    assert {one["verdict"] for one in page["ratios"]} <= {"more", "less", "inconclusive"}
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")
    assert "reused" in output


def test_an_interrupted_run_leaves_what_it_measured_and_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C after the first checkpoint: its figures and a picture of them are there, the services are not."""
    run = cost(tmp_path, "--checkpoints", "100,20000")
    until(lambda: run.page()["rows"], DEADLINE_S, "the first checkpoint")
    children = psutil.Process(run.process.pid).children(recursive=True)
    assert children
    run.process.send_signal(signal.SIGINT)
    status, output, _ = run.finish()
    assert status == 130
    assert {row["requests_served"] for row in run.page()["rows"]} == {100}
    assert (run.reports / "cost.png").exists()
    assert "Stopped; what was measured is below." in output
    until(lambda: not any(child.is_running() for child in children), DEADLINE_S, "the end of all processes")


def test_a_wrong_command_is_one_line(tmp_path: Path) -> None:
    """What is wrong and what to type; nothing is started or written."""
    status, _, errors = cost(tmp_path, "--checkpoints", "many").finish()
    assert status == 2
    assert errors == (
        "cost: expected numbers separated by commas for --checkpoints, got 'many'; try --checkpoints 1000,10000\n"
    )
    assert not list(tmp_path.iterdir())
