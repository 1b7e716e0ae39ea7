"""The smallest example: what people read is the file, and it shows what the page says."""

import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.twins.runtimes import NEWEST_KNOWN, dotted
from loadtest import simple_exception_memory_demo as demo
from tests.interpreters import interpreter

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "original-article.md").read_text(encoding="utf-8")
FILE = (ROOT / "loadtest" / "simple_exception_memory_demo.py").read_text(encoding="utf-8")
VERSIONS = ("3.6", "3.9", f"3.{sys.version_info.minor}", dotted(NEWEST_KNOWN))
LINE = re.compile(r"^(\w+) +([\d,]+) raises +([+-][\d.]+) MB$")
INTERVALS = [200, 400, 600, 800, 1000]


def blocks(language: str) -> list[str]:
    """The code blocks of the page in one language, as a reader copies them."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [block for its_language, block in found if its_language == language]


def example() -> str:
    """The block of the page that is the example."""
    (block,) = (block for block in blocks("python") if "def measure_memory" in block)
    return block


def growth(printed: str) -> dict[str, dict[int, float]]:
    """The megabytes that each function had grown by after so many raises, from the printed lines."""
    series: dict[str, dict[int, float]] = {}
    for line in printed.splitlines():
        match = LINE.match(line)
        assert match, line
        name, raises, grown = match.groups()
        series.setdefault(name, {})[int(raises.replace(",", ""))] = float(grown)
    return series


def shows_a_leak_and_a_flat_line(printed: str) -> bool:
    """Whether the same object's memory grew by its contexts at each interval, and the fresh object's stayed."""
    series = growth(printed)
    same, fresh = series["raise_the_same_object"], series["raise_a_fresh_object"]
    assert list(same) == list(fresh) == INTERVALS
    retained = [grown * 1e6 / (raises * 10_000) for raises, grown in same.items()]
    return all(1.0 <= share < 1.1 for share in retained) and all(abs(grown) < 0.05 for grown in fresh.values())


def test_the_page_shows_the_file_whole() -> None:
    """Nobody reads one program and runs another."""
    assert example() == FILE


def test_the_file_is_short_enough_to_read() -> None:
    """Under forty lines, comments and all."""
    assert len(FILE.splitlines()) < 40


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_page_shows_runs_alone(version: str, tmp_path: Path) -> None:
    """Copied into an empty folder, with the standard library alone, the object's memory grows and the factory's not."""
    (tmp_path / "copied.py").write_text(example(), encoding="utf-8")
    command = [interpreter(version), "-S", "-E", "-W", "error", "copied.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert shows_a_leak_and_a_flat_line(result.stdout), result.stdout


def test_the_output_on_the_page_is_what_it_prints() -> None:
    """The figures beside the example hold the same claim."""
    (shown,) = (block for block in blocks("") if "raise_a_fresh_object" in block)
    assert shows_a_leak_and_a_flat_line(shown)


@pytest.mark.parametrize(
    ("same", "fresh", "shown"), [(10e3, 0, True), (0, 0, False), (10e3, 10e3, False), (0, 10e3, False)]
)
def test_a_flat_object_or_a_growing_factory_would_be_seen(same: float, fresh: float, *, shown: bool) -> None:
    """The check itself distinguishes a leak from a flat line, in bytes retained per raise."""
    retained = {"raise_the_same_object": same * 1.03, "raise_a_fresh_object": fresh}
    lines = [f"{name} {n:,} raises {n * each / 1e6:+.2f} MB" for name, each in retained.items() for n in INTERVALS]
    assert shows_a_leak_and_a_flat_line("\n".join(lines)) is shown


@pytest.fixture
def untraced() -> Iterator[None]:
    """Leave no tracing on for the tests that follow."""
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("untraced")
def test_what_is_copied_measures_what_is_held() -> None:
    """`measure_memory()` works from its first call, and counts in bytes."""
    before = demo.measure_memory()
    held = b"." * 1_000_000
    assert demo.measure_memory() - before == pytest.approx(len(held), rel=0.01)
