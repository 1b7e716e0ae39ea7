"""The calibration. How often the verdict is right is measured by `make calibrate`, and never asserted here."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from experiments.calibration import LENGTHS, NOISES, SLOPES, Cell, calibration_page, cell_of, judge
from experiments.commands import run
from sadpath.verdict.verdict import Verdict

ROOT = Path(__file__).parents[2]
VERSIONS = {"Python": "3.11.7", "NumPy": "2.0.0"}


def cells(outcomes: Sequence[str] = ("flat", "leaks", "inconclusive", "flat")) -> list[Cell]:
    """One cell for each figure of the tables, all alike."""
    counts = {outcome: outcomes.count(outcome) for outcome in outcomes}
    return [Cell(noise, length, slope, counts, 3, 120.4) for noise in NOISES for length in LENGTHS for slope in SLOPES]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NOISES)
def test_a_noise_is_repeatable_and_as_long_as_asked(name: str) -> None:
    """By its seed, for the shortest series and the longest."""
    for length in (LENGTHS[0], LENGTHS[-1]):
        again = [NOISES[name](np.random.default_rng(3), length) for _ in range(2)]
        assert again[0].shape == (length,)
        assert (again[0] == again[1]).all()


def test_a_series_without_noise_has_its_slope() -> None:
    """What is judged grows by the slope that its column says."""
    found = judge(lambda _, count: np.zeros(count), 30, 500, np.random.default_rng(0))
    assert (found.outcome, found.samples) == ("leaks", 30)
    assert found.bytes_per_request == pytest.approx(500)


def test_verdicts_are_counted() -> None:
    """How many there are of each, how many intervals hold the slope, and how wide one is."""
    intervals = [(0.0, 90.0), (0.0, 100.0), (101.0, 301.0)]
    verdicts = [Verdict("flat", "", ci95=ci95) for ci95 in intervals]
    found = cell_of("White noise", 30, 100, verdicts)
    assert (found.series, found.outcomes["flat"], found.covered, found.width) == (3, 3, 1, 100)


def test_the_page_has_a_row_for_each_length() -> None:
    """Shares in a hundred, of leaks and of flat; and above the tables how many verdicts were wrong."""
    text = calibration_page(cells(), VERSIONS, 7)
    assert "Made with Python 3.11.7, NumPy 2.0.0; seed 7; 4 series for each figure of a table, 600 in all." in text
    assert text.count("25 / 50 | 25 / 50 | 25 / 50 | 25 / 50 | 25 / 50 |                 75 |             120 |") == 30
    assert "Of 240 series that grow by 0 or 100 bytes per request, 60 were called *leaks*." in text
    assert "Of 240 series that grow by 500 or 2,000, 120 were called *flat*." in text


def test_the_command_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one series for each figure of the shortest length; the committed page has the same headings."""
    monkeypatch.setattr("experiments.calibration.LENGTHS", LENGTHS[:1])
    written = tmp_path / "calibration.md"
    assert run(["calibrate", "--series", "1", "--page", str(written)]) == 0
    assert f"Page: {written}" in capsys.readouterr().out
    committed = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    headings = [line for line in committed.splitlines() if line.startswith("#")]
    assert [line for line in written.read_text(encoding="utf-8").splitlines() if line.startswith("#")] == headings


def test_a_page_in_no_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is simulated, with status 2."""
    assert run(["calibrate", "--page", str(tmp_path / "missing" / "calibration.md")]) == 2
    assert "calibrate: no folder " in capsys.readouterr().err
