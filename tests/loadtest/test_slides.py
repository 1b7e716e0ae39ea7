"""`make slides`: a deck that needs nothing else, with the figures of a run."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from loadtest.commands import run as typed
from loadtest.slides import deck as deck_of
from sadpath.sources import Reading
from sadpath.watch.report import read_run
from sadpath.watch.sample_file import Latency, Sample, SampleFile

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo of forty seconds."""
    folder = tmp_path_factory.mktemp("run")
    file = SampleFile(folder / "samples.csv")
    for second in range(40):
        for arm, growth in (("reused", 35_000), ("factory", 0)):
            memory = 6e7 + 100 * second * growth
            reading = Reading(memory, memory, 5e8, 0.0, 100.0 * second, 0.0, 1900.0 * second if growth else 0.0)
            file.append(Sample(float(second), arm, "measured", reading, Latency(5, 47)))
    file.close()
    (folder / "memory.png").write_bytes(PIXEL)
    return folder


@pytest.fixture(scope="module")
def deck(run: Path) -> str:
    """The deck of the run, without a picture of the cost."""
    to = run / "talk" / "slides.html"
    assert typed(["slides", "--run", str(run), "--cost", str(run / "none.png"), "--to", str(to)]) == 0
    return to.read_text()


def test_it_has_eight_slides_with_the_figures_of_the_run(deck: str) -> None:
    """None is typed in by hand."""
    assert deck.count("<section>") == 8
    assert "35,000 bytes" in deck
    assert "p99 latency at the end 47 ms" in deck
    assert "reused leaks, factory is flat" in deck


def test_its_code_is_that_of_the_source(deck: str) -> None:
    """Read from the service that runs."""
    text = re.sub(r"<[^>]+>", "", deck)
    assert "raise Errors.user_not_found  # leaks" in text
    assert "raise ErrorFactory.user_not_found()" in text


def test_it_needs_no_network_and_no_other_file(run: Path, deck: str) -> None:
    """Scripts, styles and pictures are in it."""
    assert set(re.findall(r'(?:src|href)="([^"]{0,15})', deck)) == {"data:,", "data:image/png;"}
    assert base64.b64encode((run / "memory.png").read_bytes()).decode() in deck
    assert not re.findall(r"https?://", deck)


def test_the_cost_has_its_picture_where_it_was_measured(run: Path) -> None:
    """In place of the run's latency."""
    text = deck_of(read_run(run), PIXEL, b"cost", [])
    assert base64.b64encode(b"cost").decode() in text
    assert "p99 latency at the end" not in text


def test_without_a_run_it_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves an older deck alone."""
    (tmp_path / "slides.html").write_text("older")
    assert typed(["slides", "--run", str(tmp_path / "none"), "--to", str(tmp_path / "slides.html")]) == 4
    error = capsys.readouterr().err
    assert error.startswith("slides: no run in ")
    assert "type make demo first" in error
    assert (tmp_path / "slides.html").read_text() == "older"


def test_a_folder_of_something_else_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its samples are no samples."""
    (tmp_path / "samples.csv").write_text("a,b\n1,2\n")
    assert typed(["slides", "--run", str(tmp_path), "--to", str(tmp_path / "slides.html")]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "not a file of samples" in error
