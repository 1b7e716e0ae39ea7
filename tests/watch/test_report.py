import json
import os
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import altair as alt
import pytest

from sadpath.sources import Reading
from sadpath.verdict.verdict import Verdict
from sadpath.watch.report import Run, read_run, set_aside, summary, write_report
from sadpath.watch.report.charts import (
    COOL,
    THEMES,
    WARM,
    colours,
    live_chart,
    memory_chart,
    panels,
    picture_title,
    with_rows,
)
from sadpath.watch.report.junit import junit, write_junit
from sadpath.watch.report.rows import MAX_ROWS, ChartRows, chart_rows
from sadpath.watch.report.summary import verdict_block
from sadpath.watch.run import Conditions, judge_run, write_conditions
from sadpath.watch.sample_file import Latency, Sample
from tests.file_size import limited_file_size
from tests.watch.runs import MIB, leave, samples

CONDITIONS = Conditions(
    started="2026-01-02T03:04:05+00:00",
    sadpath="0.1.0",
    command="locust -f shop.py",
    host="laptop",
    users=40,
    services={"reused": "http://127.0.0.1:8001/metrics"},
    warm_up_s=5.0,
    environment={"python": "3.13.0", "starlette": "1.10.0"},
)
CONTRACT = {"verdict", "requests", "bytes_per_request", "ci95", "cyclic_objects_per_request"}


def leave_both_arms(folder: Path) -> Path:
    leave(folder, samples("reused", 30_000) + samples("factory", 0))
    write_conditions(folder / "run.json", CONDITIONS)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder where a run of two arms left its samples and its conditions."""
    return leave_both_arms(tmp_path)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its report, for tests that only read it."""
    folder = leave_both_arms(tmp_path_factory.mktemp("reported"))
    write_report(folder)
    return folder


def test_the_summary_is_what_programs_rely_on(reported: Path) -> None:
    """The schema, the verdict of the run and of each arm, the figures of the contract, the versions."""
    found = json.loads((reported / "summary.json").read_text())
    assert (found["schema"], found["verdict"]) == (1, "leaks")
    assert found["environment"]["starlette"] == "1.10.0"
    assert found["arms"]["reused"]["bytes_per_request"] == 30_000
    assert found["arms"]["factory"]["verdict"] == "flat"
    assert found["arms"]["reused"]["errors"] == {"user_not_found": {"traceback_entries_per_request": 19.0}}
    assert found["arms"]["factory"]["errors"] == {}
    assert found["arms"]["reused"]["requests_per_second"] == 200
    assert found["run"] == {
        "started": "2026-01-02T03:04:05+00:00",
        "duration_s": 30.0,
        "command": "locust -f shop.py",
        "host": "laptop",
        "users": 40,
        "services": {"reused": "http://127.0.0.1:8001/metrics"},
        "warm_up_s": 5.0,
        "flat_below_bytes_per_request": 256.0,
        "sadpath": "0.1.0",
    }
    assert all(arm.keys() >= CONTRACT for arm in found["arms"].values())


def test_an_unknown_figure_is_null(tmp_path: Path) -> None:
    """Three samples decide nothing, and the summary is still JSON that every program reads."""
    leave(tmp_path, samples("reused", 30_000, count=3))
    write_report(tmp_path)
    text = (tmp_path / "summary.json").read_text()
    arm = json.loads(text, parse_constant=pytest.fail)["arms"]["reused"]
    assert (arm["verdict"], arm["bytes_per_request"], arm["ci95"]) == ("inconclusive", None, [None, None])


def test_a_run_without_samples_has_a_summary() -> None:
    """It is inconclusive, and has no arms."""
    found = summary(Run())
    assert (found["verdict"], found["arms"]) == ("inconclusive", {})


def test_the_picture_is_a_picture_for_a_slide(reported: Path) -> None:
    """A PNG wide enough for a projector; what is on it is looked at by people."""
    picture = (reported / "memory.png").read_bytes()
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert (width > 1500, 1.6 < width / height < 2.1) == (True, True)


def test_what_a_run_is_about_is_on_everything(folder: Path) -> None:
    """On the page, in the summary and above the picture; nothing where it is unknown."""
    assert picture_title(read_run(folder))["subtitle"][0].startswith("reused: 30,000 bytes")
    write_conditions(folder / "run.json", replace(CONDITIONS, about="A worker\nreused = /twins/<it>"))
    write_report(folder)
    assert '<p class="about">A worker<br>reused = /twins/&lt;it&gt;</p>' in (folder / "report.html").read_text()
    assert json.loads((folder / "summary.json").read_text())["about"] == "A worker\nreused = /twins/<it>"
    assert picture_title(read_run(folder))["subtitle"][:2] == ["A worker", "reused = /twins/<it>"]


def test_the_picture_mentions_reference_cycles_where_an_arm_makes_some() -> None:
    """Memory does not show them; where there are none they would only distract."""

    def subtitle(cycles: float | None) -> list[str]:
        arms = {"reused": Verdict("flat", "", cyclic_objects_per_request=cycles), "factory": Verdict("flat", "")}
        arms["factory"] = replace(arms["factory"], cyclic_objects_per_request=0.02)
        return list(picture_title(Run([], Conditions(), arms))["subtitle"])

    assert subtitle(6.0)[0].endswith(", 6.0 objects in reference cycles")
    assert subtitle(6.0)[1].endswith(", 0.0 objects in reference cycles")
    assert not [line for cycles in (0.3, None) for line in subtitle(cycles) if "cycles" in line]


def test_the_page_is_whole_in_itself(reported: Path) -> None:
    """It loads nothing from anywhere: no script, style, font or picture with an address."""
    page = re.sub("<script>.*?</script>", "", (reported / "report.html").read_text(), flags=re.DOTALL)
    assert set(re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]*)"', page)) == {"data:,"}
    assert "reused leaks, factory is flat" in page
    assert "user_not_found retains 19.0 entries per request" in page


def test_the_page_has_the_conditions_of_the_run(reported: Path) -> None:
    """When, how long, with which load, on which machine and version."""
    page = (reported / "report.html").read_text()
    facts = dict(re.findall("<tr><th>(.*?)</th><td>(?:<code>)?(.*?)(?:</code>)?</td></tr>", page))
    assert facts["started"] == "2026-01-02T03:04:05+00:00"
    assert facts["duration"] == "30 s, of which 5 s warm-up"
    assert facts["load"] == "reused 200 requests per second, factory 200 requests per second"
    assert (facts["users"], facts["sent from"], facts["command"]) == ("40", "laptop", "locust -f shop.py")
    assert (facts["Sadpath"], facts["Starlette"]) == ("0.1.0", "1.10.0")


def specifications(page: str) -> list[dict[str, Any]]:
    """Return the charts that a report draws."""
    return [json.loads(spec) for spec in re.findall(r'vegaEmbed\("#chart\d+", (.*), \{actions', page)]


def test_a_figure_that_was_not_sampled_has_no_chart(tmp_path: Path) -> None:
    """Memory is always drawn; traceback entries and latency where some sample has them."""
    bare = [
        replace(one, latency=Latency(), reading=replace(one.reading, traceback_entries=None, entries_by_error={}))
        for one in samples("shop", 0)
        if one.reading
    ]
    leave(tmp_path, bare)
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    (memory,) = specifications(page)
    assert "memory (MiB)" in json.dumps(memory)
    assert "traceback entries per request" not in page
    leave(tmp_path, samples("shop", 0))
    write_report(tmp_path)
    assert len(specifications((tmp_path / "report.html").read_text())) == 3


@pytest.mark.parametrize(("anonymous_bytes", "name"), [(5e7, "anonymous memory"), (None, "resident memory")])
def test_a_chart_names_the_memory_that_it_draws(tmp_path: Path, anonymous_bytes: float | None, name: str) -> None:
    """And the page does, in its words."""
    leave(
        tmp_path,
        [
            replace(one, reading=replace(one.reading, anonymous_bytes=anonymous_bytes))
            for one in samples("shop", 0)
            if one.reading
        ],
    )
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert f"{name} (MiB)" in json.dumps(specifications(page)[0])
    assert f"figures show {name}" in page


def test_the_limit_is_drawn_for_the_memory_that_it_limits() -> None:
    """Beside anonymous memory, resident memory is drawn in thin lines; where that is all, its lines are the chart's."""

    def drawn(*, anonymous: bool) -> str:
        return json.dumps(with_rows(memory_chart({"shop": "#000"}, anonymous=anonymous), []))

    assert "memory limit (of resident memory, thin lines): " in drawn(anonymous=True)
    assert "'memory limit: '" in drawn(anonymous=False)
    assert '"field": "resident_mib"' in drawn(anonymous=True)
    assert '"field": "resident_mib"' not in drawn(anonymous=False)


def test_the_page_lists_restarts_and_missing_samples(tmp_path: Path) -> None:
    """With the reason of each missing sample."""
    missing = Sample(31.0, "reused", "measured", None, missing="http://127.0.0.1:1/metrics: <timed out>")
    leave(tmp_path, [*samples("reused", 30_000), missing, *samples("reused", 30_000, started=2.0)])
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "was restarted; its new process lifetime was first sampled 1 s into the run, after 6,200 requests" in page
    assert ", 1 restart<" in page
    assert "http://127.0.0.1:1/metrics: &lt;timed out&gt;" in page


def test_missing_samples_that_follow_each_other_are_one_line(tmp_path: Path) -> None:
    """A service may be away for hours; another reason, or a sample in between, begins a new line."""
    away = [Sample(float(at), "reused", "measured", None, missing="timed out") for at in range(31, 1031)]
    here = [Sample(float(at), "factory", "measured", Reading(1.0)) for at in range(31, 1031)]
    both = [one for pair in zip(away, here, strict=True) for one in pair]
    refused = [Sample(1031.0 + at, "reused", "measured", None, missing="refused") for at in range(2)]
    leave(tmp_path, [*samples("reused", 0), *both, *refused, *samples("reused", 0), away[-1]])
    write_report(tmp_path)
    lines = re.findall("<li><b>reused</b> (.*)</li>", (tmp_path / "report.html").read_text())
    assert lines == [
        "from 31 to 1030 s, 1,000 samples: timed out",
        "from 1031 to 1032 s, 2 samples: refused",
        "at 1030 s: timed out",
    ]


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    """An arm may be called anything."""
    leave(tmp_path, samples("</script><script>alert(1)</script>", 0))
    write_report(tmp_path)
    assert "<script>alert" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "chart",
    [
        lambda: memory_chart({"reused": "#000"}, anonymous=True),
        lambda: memory_chart({"reused": "#000"}, anonymous=False),
        lambda: panels({"reused": "#000"}, anonymous=True)["entries"],  # that of the latency has another column
    ],
)
def test_every_chart_follows_the_schema(chart: Callable[[], alt.TopLevelMixin]) -> None:
    """It is written without that check, which takes half a second."""
    alt.Chart.from_dict(with_rows(chart(), []), validate=True)


def test_the_live_chart_follows_the_schema() -> None:
    """In one theme: the other has other colours."""
    alt.Chart.from_dict(live_chart(("reused", "factory"), THEMES["light"]), validate=True)


def test_the_schema_finds_what_is_broken() -> None:
    """So that a chart that follows it is drawn."""
    broken = json.loads(
        json.dumps(with_rows(memory_chart({}, anonymous=False), [])).replace('"quantitative"', '"quantity"')
    )
    with pytest.raises(Exception, match="is not one of"):
        alt.Chart.from_dict(broken, validate=True)


def test_requests_are_counted_through_restarts_and_lifetimes_are_kept_apart() -> None:
    """The x axis goes on, the line begins anew."""
    rows = chart_rows(Run(samples("reused", 0, count=3) + samples("reused", 0, count=2, started=2.0)))
    assert [(row["requests"], row["lifetime"], row["restarted"]) for row in rows] == [
        (200, 0, False),
        (400, 0, False),
        (600, 0, False),
        (800, 1, True),
        (1000, 1, False),
    ]


def test_a_long_run_is_thinned_but_keeps_restarts_and_the_end() -> None:
    """A page that is open for hours stays quick."""
    rows = chart_rows(Run(samples("reused", 0, count=5000) + samples("reused", 0, count=5001, started=2.0)))
    assert MAX_ROWS / 2 < len(rows) <= MAX_ROWS + 4
    assert [row["restarted"] for row in rows].count(True) == 1
    assert rows[-1]["requests"] == 200 * (5000 + 5001)


def test_restarts_are_counted_alike_everywhere() -> None:
    """In the verdict, on the charts, and on the live page, also a restart during the warm-up."""
    twice = [*samples("shop", 0, phase="warm-up"), *samples("shop", 0, started=2.0), *samples("shop", 0, started=3.0)]
    run = judge_run(Run(twice))
    rows = chart_rows(run)
    assert run.verdicts["shop"].restarts == run.restarts("shop") == 2
    assert [row["restarted"] for row in rows].count(True) == rows[-1]["lifetime"] == 2


def test_colours_are_by_position_whatever_the_names_are() -> None:
    """Warm and cool in turn; no two of six are alike."""
    assert colours(["a", "b", "c"]) == {"a": WARM[0], "b": COOL[0], "c": WARM[1]}
    assert len(set(colours("abcdef").values())) == 6


@pytest.mark.parametrize("leaking", ["a", "b", "ab", "bcd", "abcdef"])
def test_an_arm_that_leaks_is_never_green_or_blue(leaking: str) -> None:
    """Whatever its position is; arms that do not leak keep their colour."""
    plain, drawn = colours("abcdef"), colours("abcdef", leaking)
    assert {drawn[arm] for arm in leaking} <= set(WARM)
    assert all(drawn[arm] == plain[arm] for arm in "abcdef" if arm not in leaking)


def test_two_arms_that_leak_are_told_apart() -> None:
    """As a legend must."""
    assert len(set(colours("ab", "ab").values())) == 2


def test_a_folder_without_samples_is_not_a_run(tmp_path: Path) -> None:
    """The caller gets an error, not an empty report."""
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path)


def test_the_verdict_stands_out_in_a_log(folder: Path) -> None:
    """A block between two rules, with the exception that leaks and where the report is."""
    lines = verdict_block(read_run(folder), "reports/report.html").splitlines()
    assert lines[0] == f"== Sadpath: leaks {'=' * 62}"
    assert lines[1].startswith("reused   leaks: 30,000 bytes retained per request (95% CI ")
    assert "         user_not_found retains 19.0 entries per request" in lines
    assert lines[-2:] == ["report: reports/report.html", "=" * 80]


def test_junit_has_a_test_case_for_each_arm(folder: Path) -> None:
    """A leak is a failure that names the exception, flat a success."""
    write_junit(folder / "ci" / "junit.xml", read_run(folder))
    suite = parse(folder / "ci" / "junit.xml").getroot()  # noqa: S314 - our own
    assert (suite.tag, suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("testsuite", "2", "1", "0")
    leaky, flat = suite.findall("testcase")
    failure = leaky.find("failure")
    assert failure is not None
    assert failure.get("message") == "user_not_found retains 19.0 entries per request"
    assert (flat.get("name"), flat.find("failure")) == ("factory", None)


@pytest.mark.parametrize(("allowed", "kind"), [(False, "error"), (True, "skipped")])
def test_inconclusive_is_an_error_in_junit_or_skipped_where_it_is_allowed(allowed: bool, kind: str) -> None:  # noqa: FBT001
    """With the reason."""
    run = Run([], Conditions(allow_inconclusive=allowed), {"shop": Verdict("inconclusive", "not enough data")})
    suite = junit(run)
    (case,) = suite
    assert [(child.tag, child.get("message")) for child in case] == [(kind, "not enough data")]
    assert (suite.get("errors"), suite.get("skipped")) == ("01"[kind == "error"], "01"[kind == "skipped"])


def test_junit_is_xml_whatever_an_arm_is_called(tmp_path: Path) -> None:
    """Control characters are not, and are written out."""
    write_junit(tmp_path / "junit.xml", Run([], Conditions(), {'<"a\x00\x1b&>': Verdict("flat", "")}))
    (case,) = parse(tmp_path / "junit.xml").getroot()  # noqa: S314 - our own
    assert case.get("name") == '<"a\\x00\\x1b&>'


def test_an_earlier_run_is_set_aside_whole(folder: Path) -> None:
    """In a folder named after its start, that no run writes to; other files stay."""
    write_report(folder)
    (folder / "locust.log").write_text("mine")
    destination = set_aside(folder)
    assert destination == folder / "earlier" / "2026-01-02T03-04-05"
    assert {path.name for path in destination.iterdir()} == {
        "samples.csv",
        "run.json",
        "summary.json",
        "memory.png",
        "report.html",
    }
    assert {path.name for path in folder.iterdir()} == {"earlier", "locust.log"}
    assert set_aside(folder) is None


def test_only_the_newest_earlier_runs_are_kept(tmp_path: Path) -> None:
    """Also of runs that began in the same second; a run without a start time has that of its files."""
    for day in (3, 1, 2, 2):
        (tmp_path / "samples.csv").write_text("")
        write_conditions(tmp_path / "run.json", Conditions(started=f"2026-01-0{day}T00:00:00+00:00"))
        set_aside(tmp_path, keep=3)
    (tmp_path / "samples.csv").write_text("")
    os.utime(tmp_path / "samples.csv", (1_800_000_000, 1_800_000_000))
    set_aside(tmp_path, tmp_path / "earlier", keep=3)
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == [
        "2026-01-02T00-00-00_2",
        "2026-01-03T00-00-00",
        "2027-01-15T08-00-00",
    ]


def test_a_report_for_which_the_disk_has_no_room_leaves_the_older_one(folder: Path) -> None:
    """Whole, and with no half file beside it."""
    write_report(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with limited_file_size(10_000), pytest.raises(OSError, match="File too large"):
        write_report(folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def peaks(run: Run) -> list[tuple[int, float]]:
    """The lifetime and the highest memory of each row."""
    return [(row["lifetime"], row["memory_mib"]) for row in chart_rows(run)]


def test_a_thinned_chart_keeps_each_peak() -> None:
    """One sample in thousands, wherever it is; so that a chart does not hide what a container was killed for."""
    for at in (1, 777, 4_321, 9_998):
        long = samples("shop", 0, count=10_000)
        reading = long[at].reading
        assert reading
        long[at] = replace(long[at], reading=replace(reading, resident_bytes=900 * MIB))
        assert max(memory for _, memory in peaks(Run(long))) == 900


def test_rows_that_come_one_by_one_are_those_of_the_whole_run() -> None:
    """A live page that is polled at any moment and the report of the same run draw the same lines."""
    run, live = Run(), ChartRows(anonymous=False)
    lifetimes = [samples("shop", 300, count=count, started=started) for count, started in ((1700, 1), (1, 2), (900, 3))]
    for number, sample in enumerate(sample for lifetime in lifetimes for sample in lifetime):
        run.add(sample)
        if number % 101 == 0:
            shown = live.of(run)
            assert shown[-1]["elapsed_s"] == sample.elapsed_s
    assert live.of(run) == chart_rows(run)
    ends = [(number, row["elapsed_s"]) for number, row in ((row["lifetime"], row) for row in live.of(run))]
    assert {(0, 1), (0, 1700), (1, 1), (2, 1), (2, 900)} <= set(ends)
    assert ends == sorted(ends)


def test_a_page_that_was_open_when_a_load_begins_anew_shows_the_new_one() -> None:
    """And nothing of the one before."""
    live = ChartRows(anonymous=False)
    live.of(Run(samples("shop", 0, count=700)))
    assert [row["elapsed_s"] for row in live.of(Run(samples("shop", 0, count=2)))] == [1, 2]
    assert live.of(Run()) == []


def test_an_arm_that_is_restarted_all_the_time_keeps_its_restarts() -> None:
    """They are what a chart must show; and the rest is thinned."""
    run = Run([one for started in range(1, 801) for one in samples("shop", 0, count=4, started=started)])
    rows = chart_rows(run)
    assert [row["restarted"] for row in rows].count(True) == run.restarts("shop") == 799
    assert {row["elapsed_s"] for row in rows} >= {1, 4}
    assert len(rows) < 0.75 * len(run.samples)
