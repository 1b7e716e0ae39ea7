import json
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from sadpath.report import Run, read_run, summary, title, write_report
from sadpath.report.charts import MAX_ROWS, chart_rows, colours
from sadpath.report.page import live_page
from sadpath.sources import Reading
from sadpath.verdict.judge import Verdict
from sadpath.verdict.samples import Latency, Phase, Sample, SampleFile

MIB = 2**20
CONTRACT = {"verdict", "requests", "bytes_per_request", "ci95", "cyclic_objects_per_request"}


def samples(arm: str, slope: float, count: int = 30, started: float = 1.0, phase: Phase = "measured") -> list[Sample]:
    """One lifetime of an arm that keeps `slope` bytes a request, 200 requests a second."""
    return [
        Sample(
            float(second),
            arm,
            phase,
            Reading(
                resident_bytes=60 * MIB + slope * 200 * second,
                start_time_s=started,
                requests=200.0 * second,
                collected_objects=10.0 * second,
                traceback_entries=(slope > 0) * 1900.0 * second,
            ),
            Latency(5.0, 10.0 + second),
        )
        for second in range(1, count + 1)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder where a run of two arms left its samples and its environment."""
    leave(tmp_path, samples("reused", 30_000) + samples("factory", 0))
    (tmp_path / "environment.json").write_text('{"python": "3.13.0", "starlette": "1.10.0"}')
    return tmp_path


def leave(folder: Path, run: list[Sample]) -> None:
    file = SampleFile(folder / "samples.csv")
    for sample in run:
        file.append(sample)
    file.close()


def test_the_summary_is_what_programs_rely_on(folder: Path) -> None:
    """The schema, the verdict of the run and of each arm, the figures of the contract, the versions."""
    write_report(folder)
    found = json.loads((folder / "summary.json").read_text())
    assert (found["schema"], found["verdict"]) == (1, "leaks")
    assert found["environment"]["starlette"] == "1.10.0"
    assert found["arms"]["reused"]["bytes_per_request"] == 30_000
    assert found["arms"]["factory"]["verdict"] == "flat"
    assert all(arm.keys() >= CONTRACT for arm in found["arms"].values())


def test_a_figure_that_there_is_none_of_is_null(tmp_path: Path) -> None:
    """Three samples decide nothing, and the summary is still JSON that every program reads."""
    leave(tmp_path, samples("reused", 30_000, count=3))
    write_report(tmp_path)
    text = (tmp_path / "summary.json").read_text()
    arm = json.loads(text, parse_constant=pytest.fail)["arms"]["reused"]
    assert (arm["verdict"], arm["bytes_per_request"], arm["ci95"]) == ("inconclusive", None, [None, None])


@pytest.mark.parametrize(("slopes", "outcome"), [((0, 0), "flat"), ((0, 30_000), "leaks"), ((30_000, 30_000), "leaks")])
def test_a_run_leaks_if_an_arm_does_and_is_flat_only_if_all_are(
    tmp_path: Path, slopes: tuple[float, float], outcome: str
) -> None:
    """One word for the run."""
    leave(tmp_path, [sample for arm, slope in zip("ab", slopes, strict=True) for sample in samples(arm, slope)])
    assert read_run(tmp_path).outcome == outcome


def test_a_run_of_which_an_arm_is_undecided_is_not_flat() -> None:
    """No verdict at all is inconclusive too."""
    assert Run([], {}, {}).outcome == "inconclusive"
    assert summary(Run([], {}, {}))["arms"] == {}


def test_the_picture_is_a_picture_for_a_slide(folder: Path) -> None:
    """A PNG wide enough for a projector; what is on it is looked at by people."""
    write_report(folder)
    picture = (folder / "memory.png").read_bytes()
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert (width > 1500, 1.6 < width / height < 2.1) == (True, True)


def test_a_run_says_what_it_is_about_wherever_somebody_told(folder: Path) -> None:
    """In the page, in the summary, above the picture, and on the page that is live; nothing where nobody did."""
    app = Flask(__name__)
    live_page(app, ["reused"], list, about="A worker\nreused = /twins/<it>")
    assert '<p class="about">A worker\nreused = /twins/&lt;it&gt;</p>' in app.test_client().get("/sadpath").text
    assert title(read_run(folder))["subtitle"][0].startswith("reused: 30,000 bytes")
    (folder / "about.txt").write_text("A worker\nreused = /twins/<it>\n")
    write_report(folder)
    assert '<p class="about">A worker\nreused = /twins/&lt;it&gt;</p>' in (folder / "report.html").read_text()
    assert json.loads((folder / "summary.json").read_text())["about"] == "A worker\nreused = /twins/<it>"
    assert title(read_run(folder))["subtitle"][:2] == ["A worker", "reused = /twins/<it>"]


def test_the_picture_tells_of_cycles_where_an_arm_makes_some() -> None:
    """Memory does not show them, and where there are none they would only distract."""

    def subtitle(cycles: float | None) -> list[str]:
        arms = {"reused": Verdict("flat", "", cyclic_objects_per_request=cycles), "factory": Verdict("flat", "")}
        arms["factory"] = replace(arms["factory"], cyclic_objects_per_request=0.02)
        return list(title(Run([], {}, arms))["subtitle"])

    assert subtitle(6.0)[0].endswith(", 6.0 cyclic objects")
    assert subtitle(6.0)[1].endswith(", 0.0 cyclic objects")
    assert not [line for cycles in (0.3, None) for line in subtitle(cycles) if "cyclic" in line]


def test_the_page_is_whole_in_itself(folder: Path) -> None:
    """It loads nothing from anywhere: no script, style, font or picture with an address."""
    write_report(folder)
    page = re.sub("<script>.*?</script>", "", (folder / "report.html").read_text(), flags=re.DOTALL)
    assert set(re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]*)"', page)) == {"data:,"}
    assert "reused leaks, factory is flat" in page


def test_the_page_shows_restarts_and_gaps(tmp_path: Path) -> None:
    """What happened is said, with the reason of each sample that is missing."""
    gap = Sample(31.0, "reused", "measured", None, missing="http://127.0.0.1:1/metrics: <timed out>")
    leave(tmp_path, [*samples("reused", 30_000), gap, *samples("reused", 30_000, started=2.0)])
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "began a new lifetime 1 s into the run, after 6,200 requests" in page
    assert "http://127.0.0.1:1/metrics: &lt;timed out&gt;" in page


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    """An arm may be called anything."""
    leave(tmp_path, samples("</script><script>alert(1)</script>", 0))
    write_report(tmp_path)
    assert "<script>alert" not in (tmp_path / "report.html").read_text()


def test_requests_are_counted_through_restarts_and_lives_are_told_apart() -> None:
    """The x axis goes on, the line begins anew."""
    rows = chart_rows(samples("reused", 0, count=3) + samples("reused", 0, count=2, started=2.0))
    assert [(row["requests"], row["lifetime"], row["restarted"]) for row in rows] == [
        (200, 0, False),
        (400, 0, False),
        (600, 0, False),
        (800, 1, True),
        (1000, 1, False),
    ]


def test_a_long_run_is_thinned_but_keeps_restarts_and_the_end() -> None:
    """A page that is open for hours stays quick."""
    rows = chart_rows(samples("reused", 0, count=5000) + samples("reused", 0, count=5001, started=2.0))
    assert len(rows) <= MAX_ROWS + 2
    assert [row["restarted"] for row in rows].count(True) == 1
    assert rows[-1]["requests"] == 200 * (5000 + 5001)


def test_the_labs_arms_always_have_their_own_colours() -> None:
    """Whatever else is drawn, and in whatever order."""
    assert colours(["factory", "shop", "reused"])["reused"] == colours(["reused"])["reused"]
    assert len(set(colours(["factory", "shop", "reused", "cart"]).values())) == 4


def test_a_folder_without_samples_is_no_run(tmp_path: Path) -> None:
    """The caller is told, rather than shown an empty report."""
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path)
