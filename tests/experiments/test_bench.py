"""The benchmark's pure parts. What the instruments cost is measured by `make bench`, and never asserted here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap

from experiments.compare.bench import MEASUREMENTS, bench_json, measure_rows, table
from experiments.compare.ratios import (
    GOALS,
    QUICK,
    Bench,
    BenchMeasurement,
    BenchRow,
    Goal,
    compare,
    interval_of_median,
)
from experiments.measurement import Book
from sadpath.errors import CommandError

AT_MOST = Goal("", 1.10)
AT_LEAST = Goal("", 0.95, at_least=True)
NO_BOUND = Goal("")


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a file."""
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    return rows


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    """Each round is held against its own partner, so a machine that slows down over time changes nothing."""
    row = compare("exporter", with_it=[11.0, 22.0, 44.0], without=[10.0, 20.0, 40.0])
    assert row.ratio == pytest.approx(1.1)
    assert row.rounds == 3


def test_one_disturbed_round_does_not_decide() -> None:
    """A neighbour on the machine that spoils one round of five leaves the ratio as it is."""
    row = compare("exporter", with_it=[1.0, 1.0, 9.0, 1.0, 1.0], without=[1.0] * 5)
    assert row.ratio == 1.0


def test_the_interval_holds_the_ratio_and_is_reproducible() -> None:
    """The same rounds give the same interval, and the ratio lies in it."""
    ratios = [1.01, 1.05, 1.02, 1.09, 1.03, 1.04]
    found = interval_of_median(ratios)
    assert found is not None
    assert 1.01 <= found[0] <= 1.035 <= found[1] <= 1.09
    assert found == interval_of_median(ratios)


def test_the_interval_is_the_one_that_scipy_computes() -> None:
    """Another implementation of the same bootstrap, with its own resamples."""
    ratios = [1.01, 1.05, 1.02, 1.09, 1.03, 1.04, 1.0, 1.2]
    theirs = bootstrap((ratios,), np.median, n_resamples=5000, method="percentile", rng=np.random.default_rng(2))
    ours = interval_of_median(ratios)
    assert ours is not None
    assert list(ours) == pytest.approx(list(theirs.confidence_interval), abs=0.01)


def test_equal_rounds_have_an_interval_without_width() -> None:
    """No spread is no error."""
    assert interval_of_median([1.0, 1.0, 1.0]) == (1.0, 1.0)


def test_one_round_shows_no_spread() -> None:
    """A single pair has a ratio and no interval."""
    row = compare("scrape", [3.0], [2.0])
    assert (row.ratio, row.ci95) == (1.5, None)


def test_rounds_that_are_not_in_pairs_are_refused() -> None:
    """A round without its partner cannot be compared, and no rounds make no ratio."""
    with pytest.raises(ValueError, match="shorter"):
        compare("scrape", [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="no rounds"):
        compare("scrape", [], [])


@pytest.mark.parametrize(
    ("ratio", "goal", "holds"),
    [
        (1.10, AT_MOST, True),
        (1.1001, AT_MOST, False),
        (0.95, AT_LEAST, True),
        (0.9499, AT_LEAST, False),
        (1.0, NO_BOUND, None),
        (None, AT_MOST, None),
    ],
)
def test_a_goal_holds_where_the_ratio_meets_it(ratio: float | None, goal: Goal, *, holds: bool | None) -> None:
    """The ratio itself decides; without a goal, or without a ratio, there is nothing to meet."""
    assert goal.is_met(ratio) is holds


def test_each_row_is_on_disk_before_the_next(tmp_path: Path) -> None:
    """A benchmark that is killed leaves what it has; a later reading of a row takes the place of the earlier."""
    file = tmp_path / "reports" / "bench.json"
    book = Book(file, {"python": "3.11"}, bench_json)
    assert rows_in(file) == []
    book.put(compare("census", [1.0], [1.0]))
    assert [row["ratio"] for row in rows_in(file)] == [1.0]
    book.put(compare("memray", [3.0], [2.0]))
    book.put(compare("census", [1.2], [1.0]))
    assert [(row["name"], row["ratio"], row["goal"], row["goal_is"], row["holds"]) for row in rows_in(file)] == [
        ("census", 1.2, 1.05, "≤ 1.05", False),
        ("memray", 1.5, None, None, None),
    ]


def bench(tmp_path: Path) -> Bench:
    """Return what measurements are given, with all rows wanted."""
    return Bench(QUICK, tmp_path, frozenset({"memray", "census", "noise"}), lambda _: None)


def test_a_row_that_fails_stays_a_row(tmp_path: Path) -> None:
    """A measurement that cannot be made leaves its rows without a ratio, with the reason, and the next one goes on."""

    def broken(_: Bench) -> Iterator[BenchRow]:
        yield compare("census", [1.0], [1.0])
        raise CommandError("memray ended at once: No module named memray")

    def fine(_: Bench) -> Iterator[BenchRow]:
        yield compare("noise", [1.0], [1.0])

    file = tmp_path / "bench.json"
    measurements = [BenchMeasurement(["memray", "census"], broken), BenchMeasurement(["noise", "probe"], fine)]
    measure_rows(bench(tmp_path), Book(file, {}, bench_json), measurements)
    rows = {row["name"]: row for row in rows_in(file)}
    assert rows.keys() == {"census", "memray", "noise"}
    assert (rows["memray"]["ratio"], rows["memray"]["holds"]) == (None, None)
    assert "No module named memray" in rows["memray"]["reason"]
    assert rows["census"]["ratio"] == rows["noise"]["ratio"] == 1.0


def test_nothing_unwanted_is_measured(tmp_path: Path) -> None:
    """A measurement none of whose rows is wanted is not begun."""

    def never(_: Bench) -> Iterator[BenchRow]:
        raise AssertionError

    measure_rows(bench(tmp_path), Book(tmp_path / "bench.json", {}, bench_json), [BenchMeasurement(["scrape"], never)])


def test_every_row_is_measured_by_one_measurement() -> None:
    """No goal without a measurement, and none measured twice."""
    assert sorted(name for measurement in MEASUREMENTS for name in measurement.rows) == sorted(GOALS)


def test_the_table_shows_failed_rows_too() -> None:
    """Every row has its line, and the reasons stand below."""
    rows = [compare("census", [1.0], [1.0]), BenchRow("memray", reason="not installed")]
    view = table(rows)
    assert view.row_count == 2
    assert view.caption == "CI: 95%\nmemray: not installed"
