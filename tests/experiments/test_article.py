"""The article's experiment, small: real processes, real memory, fifty raises."""

import ast
import csv
import inspect
import json
import re
import signal
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from experiments.article import figures as article
from experiments.article import pictures
from experiments.article.raising import WARM_UP_READINGS, Job, RaiseSample, measure, sample_points
from experiments.article.runs import Experiment, StyleRun, complete, read_runs, results, run_job
from experiments.article.styles import USER_NOT_FOUND, Context, Style, answer, find_user_factory, find_user_singleton
from experiments.commands import run
from sadpath.errors import CommandError
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300.0  # only ends what hangs: a busy machine takes its time
pytestmark = pytest.mark.timeout(2 * DEADLINE_S)
RAISES, CONTEXT_BYTES, ROUNDS = 50, 500_000, 2
PICTURES = {"article_singleton_memory.png", "article_factory_memory.png", "article_comparison.png"}
LEFT = PICTURES | {"table.md", "figures.json", "samples.csv", "measured.log"}
JOB = Job("held", "factory", 1, raises=100, context_bytes=10, memory_limit_bytes=10**12)


@dataclass
class Ended:
    """An experiment that has ended: what it left and what it printed."""

    reports: Path
    output: str

    def figure(self, context: Context, style: Style, name: str) -> float:
        """One median of ours."""
        ours = json.loads((self.reports / "figures.json").read_text())["ours"]
        return float(ours[context][style][name]["median"])


def command(reports: Path, rounds: int = ROUNDS, raises: int = RAISES) -> list[str]:
    """The experiment on the command line, small."""
    options = ["--raises", str(raises), "--rounds", str(rounds), "--reports", str(reports)]
    return [sys.executable, "-m", "experiments", "figures", *options]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Run it once for all tests that look at what it leaves."""
    reports = tmp_path_factory.mktemp("article")
    result = subprocess.run(command(reports), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return Ended(reports, result.stdout)


def test_it_leaves_pictures_a_table_figures_and_samples(experiment: Ended) -> None:
    """All by the names in the documentation."""
    assert {path.name for path in experiment.reports.iterdir()} == LEFT


def test_one_object_retains_the_context_of_every_raise(experiment: Ended) -> None:
    """The context, and the traceback around it."""
    assert CONTEXT_BYTES < experiment.figure("held", "singleton", "bytes_per_raise") < 1.02 * CONTEXT_BYTES


def test_where_no_frame_holds_the_context_only_the_traceback_is_retained(experiment: Ended) -> None:
    """Which is hundreds of bytes a raise, or a few thousand: the size that the article reports."""
    assert 300 < experiment.figure("bare", "singleton", "bytes_per_raise") < 6_000


@pytest.mark.parametrize("context", ["held", "bare"])
def test_a_factory_retains_nothing(experiment: Ended, context: Context) -> None:
    """Less than a hundred kilobytes in all, of the 25 megabytes that passed."""
    assert abs(experiment.figure(context, "factory", "growth_mb")) < 0.1


def test_the_table_has_the_articles_figures_beside_ours(experiment: Ended) -> None:
    """As Markdown, with why they differ and what they depend on; the terminal shows the same."""
    page = (experiment.reports / "table.md").read_text()
    each = f"{experiment.figure('held', 'singleton', 'bytes_per_raise'):,.0f}"
    for part in ("+1.44 MB after 1,000", "8.543 MB/s", "0.000 MB/s", f" {each} ", "Rates depend on the machine"):
        assert part in page
    assert f"with 500,000 bytes in such a frame each raise retains {each}." in page
    assert each in experiment.output


def test_the_pictures_fit_a_slide(experiment: Ended) -> None:
    """Sixteen to nine, and large enough for a projector."""
    for name in PICTURES:
        width, height = struct.unpack(">II", (experiment.reports / name).read_bytes()[16:24])
        assert width >= 1900
        assert width / height == pytest.approx(16 / 9, rel=0.03)


def test_every_sample_of_every_run_is_kept(experiment: Ended) -> None:
    """Raw, with memory, raises and time."""
    with (experiment.reports / "samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * ROUNDS * (WARM_UP_READINGS + RAISES)
    assert {row["round"] for row in rows} == {"1", "2"}
    assert all(float(row["elapsed_s"]) > 0 for row in rows if row["raises"] != "0")


def test_ctrl_c_leaves_what_was_measured_and_no_process(tmp_path: Path) -> None:
    """The table covers the runs that ended; status 130."""
    process = subprocess.Popen(command(tmp_path, rounds=50, raises=5), cwd=ROOT, text=True, stdout=subprocess.PIPE)
    samples = tmp_path / "samples.csv"
    until(lambda: samples.exists() and "bare,factory,1," in samples.read_text(), DEADLINE_S, "a round")
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, "Stopped" in output) == (130, True)
    assert not psutil.wait_procs(started, timeout=DEADLINE_S)[1]
    assert re.search(r"\| singleton: bytes retained per raise *\| *1,440 \| *50", (tmp_path / "table.md").read_text())


def test_the_styles_differ_only_in_the_line_that_raises() -> None:
    """The same statements, but for the last."""
    bodies = [ast.parse(inspect.getsource(find)).body[0] for find in (find_user_singleton, find_user_factory)]
    statements = [[ast.unparse(one) for one in body.body[1:]] for body in bodies if isinstance(body, ast.FunctionDef)]
    (*leaking, raise_singleton), (*fixed, raise_factory) = statements
    assert leaking == fixed
    assert (raise_singleton, raise_factory) == ("raise USER_NOT_FOUND", "raise user_not_found()")


@pytest.mark.parametrize("context", ["held", "bare"])
def test_both_contexts_load_the_same_bytes(context: Context) -> None:
    """They differ in where the bytes are at the raise, not in the work."""
    tracemalloc.start()
    try:
        answer(find_user_factory, context, CONTEXT_BYTES)
        assert tracemalloc.get_traced_memory()[1] == pytest.approx(CONTEXT_BYTES, rel=0.05)
    finally:
        tracemalloc.stop()


def readings(*values: int) -> Callable[[], int]:
    """A memory that reads as given, and stays at the last."""
    rest = list(values)
    return lambda: rest.pop(0) if len(rest) > 1 else rest[0]


def test_growth_starts_at_the_last_reading_before_the_raises() -> None:
    """What reading and writing the samples costs the first time is not the exception's."""
    run = StyleRun("held", "factory", 1, list(measure(JOB, readings(100, 180, 200, 205))))
    assert [grown for _, grown in run.grown] == [0] + [5] * 50


def test_memory_is_read_evenly_and_at_the_end() -> None:
    """At most fifty times, also where that is not whole raises; after each where there are few."""
    assert sample_points(3) == [1, 2, 3]
    assert sample_points(1000)[:2] == [20, 40]
    assert (len(sample_points(1024)), sample_points(1024)[-1]) == (50, 1024)


def test_the_warm_up_raises_no_singleton() -> None:
    """Growth that happened before the first reading would be missing."""
    USER_NOT_FOUND.__traceback__ = None
    next(measure(replace(JOB, style="singleton"), readings(1)))
    assert USER_NOT_FOUND.__traceback__ is None


def test_a_process_over_its_memory_limit_ends_itself_with_a_reason(tmp_path: Path) -> None:
    """In one line, and what it measured stays."""
    plan = Experiment(RAISES, CONTEXT_BYTES, 1, tmp_path)
    plan.prepare([])
    with pytest.raises(
        CommandError, match=r"^held singleton +round 1 ended with status 137: over the memory limit of 20 MB"
    ):
        run_job(replace(plan.jobs()[0], memory_limit_bytes=20_000_000), tmp_path)
    (run,) = read_runs(tmp_path / "samples.csv")
    assert 0 < run.raises < RAISES
    assert complete([run], RAISES) == []


def test_the_styles_take_turns() -> None:
    """So that what disturbs the machine for a while disturbs both."""
    jobs = Experiment(1, 1, 2, Path()).jobs()
    styles = [job.style for job in jobs]
    assert styles == ["singleton", "factory"] * 4
    assert [job.context for job in jobs] == ["held", "held", "bare", "bare"] * 2


def test_too_little_memory_is_said_before_anything_starts() -> None:
    """With how many raises would fit, which do."""
    plan = Experiment(1000, CONTEXT_BYTES, 5, Path())
    plan.check_memory(plan.needed_bytes)
    with pytest.raises(CommandError, match=r"need 573 MB, and 300 are free; .* --raises 462$"):
        plan.check_memory(300_000_000)
    replace(plan, raises=462).check_memory(300_000_000)
    with pytest.raises(CommandError, match=r"close something$"):
        plan.check_memory(1_000_000)


@pytest.mark.parametrize(
    "options", [["--raises", "0"], ["--context-bytes", "0"], ["--rounds", "51"], ["--raises", "x"]]
)
def test_an_impossible_figure_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """By the name of its option, before anything is written."""
    assert run(["figures", *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the option that names another."""
    (tmp_path / "file").touch()
    assert run(["figures", "--raises", "1", "--reports", str(tmp_path / "file")]) == 4
    errors = capsys.readouterr().err
    assert errors == f"figures: cannot write to {tmp_path / 'file'}: File exists; name another with --reports\n"


def run_that_grew(context: Context, style: Style, each: int, number: int = 1, raises: int = 1000) -> StyleRun:
    """A run of two readings that retained `each` bytes for each raise, in half a second."""
    return StyleRun(context, style, number, [RaiseSample(0, 0.0, 100), RaiseSample(raises, 0.5, 100 + each * raises)])


def test_a_figure_has_its_median_and_its_range() -> None:
    """In megabytes, in bytes for each raise, and in megabytes a second."""
    found = results(
        [run_that_grew("held", "singleton", each, number) for number, each in enumerate((5000, 1000, 2000))]
    )
    figures = found["held", "singleton"]
    assert (figures.growth_mb.median, figures.growth_mb.low, figures.growth_mb.high) == (2.0, 1.0, 5.0)
    assert (figures.bytes_per_raise.median, figures.mb_per_s.median) == (2000, 4.0)
    assert "+2.00 MB (+1.00 to +5.00)" in article.rows(found, 1000)[0]


def test_what_was_not_measured_is_a_dash() -> None:
    """Not a zero; then nothing is explained, and the comparison is not drawn."""
    runs = [run_that_grew("held", "singleton", 5000)]
    found = results(runs)
    assert [row[3] for row in article.rows(found, 1000)] == ["–"] * 6
    assert article.explanation(found, 5000) == ""
    assert pictures.pictures(runs, found, "").keys() == {"article_singleton_memory.png"}
    assert pictures.pictures([], {}, "") == {}


def y_domains(chart: dict[str, Any]) -> list[list[float]]:
    """The y axes of a chart's panels."""
    return [panel["encoding"]["y"]["scale"]["domain"] for panel in chart["hconcat"]]


def test_the_factory_is_drawn_on_the_singletons_scale() -> None:
    """And without it, a page of memory is not magnified."""
    flat, leak = run_that_grew("held", "factory", 4), run_that_grew("held", "singleton", 500_000)
    rows = [row for run in (flat, leak) for row in pictures.run_rows(run)]
    found = results([flat, leak])
    drawn = [y_domains(pictures.of_style(run.style, rows, found["held", run.style]).to_dict()) for run in (flat, leak)]
    assert drawn[0] == drawn[1] == [[0, pytest.approx(575)]] * 2
    alone = pictures.of_style("factory", pictures.run_rows(flat), found["held", "factory"])
    assert y_domains(alone.to_dict()) == [[0, 0.1]] * 2
