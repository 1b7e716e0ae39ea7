import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sadpath.sources import Reading
from sadpath.watch.sample_file import COLUMNS, HEADER, Latency, Sample, SampleFile, SampleReader, read_samples
from tests.file_size import limited_file_size

READING = Reading(
    resident_bytes=123_456_789.0,
    anonymous_bytes=100_000_000.0,
    limit_bytes=512.0 * 2**20,
    start_time_s=1_763_668_476.57,
    requests=1_000.0,
    collected_objects=0.0,
    traceback_entries=5_000.0,
    retained_frames=5_042.0,
    entries_by_error={"user_not_found": 4_990.0, 'a "comma", say': 10.0},
)
WHOLE = Sample(1.004, "reused", "measured", READING, Latency(1.5, 967.25), mark="fix applied; rate 50 requests/s")


def write(path: Path, *samples: Sample) -> Path:
    """Leave a file with `samples`, as a run does."""
    file = SampleFile(path)
    for sample in samples:
        file.append(sample)
    file.close()
    return path


def missing(reason: str) -> Sample:
    """Return a missing sample."""
    return Sample(2.0, "reused", "measured", None, Latency(), reason)


def test_a_sample_comes_back_as_it_was(tmp_path: Path) -> None:
    """A sample with every figure comes back from the file equal to what was appended."""
    assert read_samples(write(tmp_path / "samples.csv", WHOLE)) == [WHOLE]


def test_a_figure_that_was_not_reported_stays_unknown(tmp_path: Path) -> None:
    """A figure that the source did not report comes back as None, and a zero as zero."""
    sparse = Sample(0.0, "factory", "warm-up", Reading(1.0, requests=0.0))
    assert read_samples(write(tmp_path / "samples.csv", sparse)) == [sparse]


@pytest.mark.parametrize(
    "reason",
    [
        "timed out",
        'the page says "no", twice, "no"',
        "it's; a\ttab",
        "größer als 16 MiB – 頁",
        "two\nlines",
        "two\r\nlines",
        "a form\x0cfeed",
        "a line\u2028separator and a next\x85line",
    ],
)
def test_a_missing_sample_keeps_its_reason(tmp_path: Path, reason: str) -> None:
    """A missing sample comes back with its reason, whatever is in it, and the samples around it as they were."""
    back = read_samples(write(tmp_path / "samples.csv", WHOLE, missing(reason), WHOLE))
    assert [one.missing.split() for one in back] == [[], reason.split(), []]
    assert [one.reading for one in back] == [READING, None, READING]


def test_the_file_does_not_depend_on_the_locale(tmp_path: Path) -> None:
    """A file that was written in an ASCII locale has the same bytes as one that was written here."""
    here = write(tmp_path / "here.csv", missing("größer"))
    program = (
        "import sys, pathlib; from sadpath.watch.sample_file import Latency, Sample, SampleFile\n"
        "file = SampleFile(pathlib.Path(sys.argv[1]))\n"
        "file.append(Sample(2.0, 'reused', 'measured', None, Latency(), 'gr\\xf6\\xdfer'))\n"
        "file.close()\n"
    )
    ascii_locale = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": "."}
    subprocess.run([sys.executable, "-c", program, tmp_path / "there.csv"], env=ascii_locale, check=True)
    assert (tmp_path / "there.csv").read_bytes() == here.read_bytes()


def test_the_columns_are_in_the_first_row(tmp_path: Path) -> None:
    """A spreadsheet finds the name of each column in the first row."""
    path = write(tmp_path / "deep" / "samples.csv", WHOLE)
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert path.read_text().startswith("elapsed_s,arm,phase,resident_bytes,anonymous_bytes,limit_bytes,start_time_s,")


def test_the_errors_are_json_in_a_column(tmp_path: Path) -> None:
    """Only those that retain something; an empty cell where none does."""
    path = write(tmp_path / "samples.csv", WHOLE, Sample(1.0, "factory", "measured", Reading(1.0)))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert json.loads(rows[0]["entries_by_error"]) == READING.entries_by_error
    assert rows[1]["entries_by_error"] == ""


def test_each_sample_is_on_disk_before_the_next(tmp_path: Path) -> None:
    """What was appended can be read while the file is still open."""
    file = SampleFile(tmp_path / "samples.csv")
    counts = []
    for _ in range(3):
        file.append(WHOLE)
        counts.append(len(read_samples(tmp_path / "samples.csv")))
    file.close()
    assert counts == [1, 2, 3]


def test_a_row_for_which_the_disk_has_no_room_is_not_in_the_file(tmp_path: Path) -> None:
    """Wherever in the row the room ends: the rows before it are whole, and no half row is behind them."""
    path = write(tmp_path / "samples.csv", WHOLE)
    one_row = path.stat().st_size
    for room in range(1, one_row - len(HEADER + b"\r\n"), 7):
        file = SampleFile(path)
        file.append(WHOLE)
        with limited_file_size(one_row + room), pytest.raises(OSError, match="File too large"):
            file.append(WHOLE)
        file.close()
        assert path.stat().st_size == one_row
    assert read_samples(path) == [WHOLE]


def test_bytes_that_are_no_text_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    """As of any damaged row."""
    path = write(tmp_path / "samples.csv", WHOLE)
    path.write_bytes(path.read_bytes() + b"\xff\n")
    with pytest.raises(ValueError, match=r"samples\.csv is damaged: .*0xff"):
        read_samples(path)


def test_a_torn_last_row_is_left_out(tmp_path: Path) -> None:
    """A run that was killed in the middle of a row, at whichever byte, loses that row and no other."""
    path = write(tmp_path / "samples.csv", WHOLE, missing("one, two"), WHOLE)
    whole = path.read_bytes()
    last_row = whole[:-1].rfind(b"\n") + 1
    for cut in range(last_row, len(whole)):
        path.write_bytes(whole[:cut])
        assert read_samples(path) == [WHOLE, missing("one, two")]


def test_a_file_that_was_killed_at_birth_has_no_samples(tmp_path: Path) -> None:
    """A file that is empty, or has a torn first row, holds no samples and is not an error."""
    for text in ("", "elapsed_s,ar", ",".join(COLUMNS) + "\r\n"):
        (tmp_path / "samples.csv").write_text(text, newline="")
        assert read_samples(tmp_path / "samples.csv") == []


def test_a_damaged_row_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """It is neither skipped nor a zero."""
    path = write(tmp_path / "samples.csv", WHOLE)
    path.write_text(path.read_text().replace("1.004", "soon"))
    with pytest.raises(ValueError, match=r"samples\.csv is damaged: .*soon"):
        read_samples(path)


def test_a_row_that_lacks_a_cell_is_damaged(tmp_path: Path) -> None:
    """Or has one too many: its figures are not those of their columns."""
    path = write(tmp_path / "samples.csv", WHOLE)
    for row in ("1.0,reused,measured,5.0\n", f"1.0,reused,measured{',1' * len(COLUMNS)}\n"):
        path.write_bytes(HEADER + b"\r\n" + row.encode())
        with pytest.raises(ValueError, match=rf"samples\.csv is damaged: \d+ of {len(COLUMNS)} cells in a row"):
            read_samples(path)


def test_a_reader_takes_the_rest_of_a_row_when_it_comes(tmp_path: Path) -> None:
    """A reader that looks after every byte sees each sample once, as soon as its row is whole."""
    whole = write(tmp_path / "whole.csv", WHOLE, missing("one, two"), WHOLE).read_bytes()
    reader, seen = SampleReader(tmp_path / "growing.csv"), []
    with (tmp_path / "growing.csv").open("wb", buffering=0) as growing:
        for byte in whole:
            growing.write(bytes([byte]))
            seen.append(len(reader.update()))
    assert reader.samples == [WHOLE, missing("one, two"), WHOLE]
    assert seen == sorted(seen)


def test_a_reader_can_wait_for_its_file(tmp_path: Path) -> None:
    """A reader may be made before its file, and knows whether it exists."""
    reader = SampleReader(tmp_path / "samples.csv")
    before = reader.exists()
    write(tmp_path / "samples.csv", WHOLE)
    assert (before, reader.exists()) == (False, True)


def test_no_file_is_an_error(tmp_path: Path) -> None:
    """A run that left no file is not a run that left no samples."""
    with pytest.raises(FileNotFoundError):
        read_samples(tmp_path / "samples.csv")
