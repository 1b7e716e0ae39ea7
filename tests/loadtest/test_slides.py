"""`make slides`: a deck that needs nothing else, with the figures of a run."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sadpath.sources import Reading
from sadpath.watch.report import write_report
from sadpath.watch.sample_file import Latency, Sample, SampleFile

ROOT = Path(__file__).parents[2]
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
    write_report(folder)
    return folder


def slides(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadtest", "slides", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def deck(run: Path) -> str:
    """The deck of the run, without a picture of the cost."""
    result = slides("--run", str(run), "--cost", str(run / "none.png"), "--to", str(run / "talk" / "slides.html"))
    assert result.returncode == 0, result.stderr
    assert str(run / "talk" / "slides.html") in result.stdout
    return (run / "talk" / "slides.html").read_text()


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


def test_the_cost_has_its_picture_where_it_was_measured(run: Path, tmp_path: Path) -> None:
    """In place of the run's latency."""
    (tmp_path / "cost.png").write_bytes(PIXEL)
    result = slides("--run", str(run), "--cost", str(tmp_path / "cost.png"), "--to", str(tmp_path / "slides.html"))
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "slides.html").read_text()
    assert base64.b64encode(PIXEL).decode() in text
    assert "p99 latency at the end" not in text


def test_without_a_run_it_says_what_to_type(tmp_path: Path) -> None:
    """And leaves an older deck alone."""
    (tmp_path / "slides.html").write_text("older")
    result = slides("--run", str(tmp_path / "none"), "--to", str(tmp_path / "slides.html"))
    assert result.returncode == 4
    assert result.stderr.startswith("slides: no run in ")
    assert "type make demo first" in result.stderr
    assert (tmp_path / "slides.html").read_text() == "older"


def test_a_folder_of_something_else_is_one_line(tmp_path: Path) -> None:
    """Its samples are no samples."""
    (tmp_path / "samples.csv").write_text("a,b\n1,2\n")
    result = slides("--run", str(tmp_path), "--to", str(tmp_path / "slides.html"))
    assert (result.returncode, result.stderr.count("\n")) == (4, 1)
    assert "not a file of samples" in result.stderr
