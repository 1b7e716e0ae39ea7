import os
from collections.abc import Callable
from pathlib import Path
from typing import Optional

import psutil
import pytest

from sadpath.probe.memory import Memory, memory_limit, read_memory, read_memory_by_page, settle

ROLLUP = """\
55d0c0a00000-7ffd3a9fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               70000 kB
Pss:               60000 kB
Shared_Clean:      10000 kB
Shared_Dirty:          0 kB
Private_Clean:      2000 kB
Private_Dirty:     58000 kB
Anonymous:         57500 kB
Swap:               1000 kB
"""
STATUS = """\
Name:\tpython
VmRSS:\t   70000 kB
RssAnon:\t   58000 kB
VmSwap:\t    1000 kB
Threads:\t1
"""


def recorded(folder: Path, **pages: str) -> Path:
    """A `/proc` with these pages for the process that asks."""
    (folder / "self").mkdir()
    for name, text in pages.items():
        (folder / "self" / name).write_text(text)
    return folder


def test_a_reading_is_what_the_kernel_counts(tmp_path: Path) -> None:
    """Resident memory, and the anonymous part of it with what was swapped out."""
    assert read_memory(recorded(tmp_path, status=STATUS)) == Memory(70_000 * 1024, 59_000 * 1024)


def test_a_kernel_without_swap_has_none(tmp_path: Path) -> None:
    """The line is missing there, which is no reason for no reading."""
    pages = recorded(tmp_path, status=STATUS.replace("VmSwap", "Other"))
    assert read_memory(pages) == Memory(70_000 * 1024, 58_000 * 1024)


def test_a_reading_by_page_is_that_of_the_anonymous_pages(tmp_path: Path) -> None:
    """The private pages of files are left out: neighbours that map the same libraries come and go."""
    pages = recorded(tmp_path, smaps_rollup=ROLLUP, status=STATUS)
    assert read_memory_by_page(pages) == Memory(70_000 * 1024, 58_500 * 1024)


def test_where_a_sandbox_hides_the_pages_the_counters_stand_for_them(tmp_path: Path) -> None:
    """`status` is always there."""
    assert read_memory_by_page(recorded(tmp_path, status=STATUS)) == Memory(70_000 * 1024, 59_000 * 1024)


@pytest.mark.parametrize("page", ["", "Rss: a lot\n", "Rss: 1 MB\n"])
def test_a_page_that_says_nothing_is_no_reading(tmp_path: Path, page: str) -> None:
    """None, and never a zero."""
    assert read_memory_by_page(recorded(tmp_path, smaps_rollup=page, status=page)) is None


def test_without_proc_there_is_no_reading(tmp_path: Path) -> None:
    """As on macOS."""
    assert read_memory(tmp_path) is None


def groups(folder: Path, **pages: str) -> Path:
    """A `/sys/fs/cgroup` with these pages: `max` as version 2 has it, `limit_in_bytes` as version 1 does."""
    (folder / "memory").mkdir()
    for name, text in pages.items():
        (folder / {"max": "memory.max", "limit_in_bytes": "memory/memory.limit_in_bytes"}[name]).write_text(text)
    return folder


def test_the_limit_of_a_container_under_version_1(tmp_path: Path) -> None:
    """As recorded in a container with 256 MiB."""
    assert memory_limit(groups(tmp_path, limit_in_bytes="268435456\n")) == 256 * 2**20


def test_the_limit_of_a_container_under_version_2(tmp_path: Path) -> None:
    """The same, in the other place."""
    assert memory_limit(groups(tmp_path, max="268435456\n")) == 256 * 2**20


def test_of_two_limits_the_lower_one_kills(tmp_path: Path) -> None:
    """A machine may have both versions mounted."""
    assert memory_limit(groups(tmp_path, max="max\n", limit_in_bytes="268435456\n")) == 256 * 2**20
    assert memory_limit(groups(tmp_path / "memory", max="1048576\n", limit_in_bytes="268435456\n")) == 2**20


@pytest.mark.parametrize("text", ["max\n", "9223372036854771712\n", "", "a lot\n", "0\n", "-1\n"])
def test_what_is_no_limit_is_none(tmp_path: Path, text: str) -> None:
    """Version 2 has `max`, version 1 a number beyond all memory; a file that cannot be read is no limit either."""
    assert memory_limit(groups(tmp_path, max=text, limit_in_bytes=text)) is None


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    """As on macOS."""
    assert memory_limit(tmp_path) is None


on_linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux only")


@on_linux
def test_it_agrees_with_psutil() -> None:
    """On the real process, to within a few pages that the reading itself takes."""
    quick, by_page = read_memory(), read_memory_by_page()
    assert quick
    assert by_page
    expected = psutil.Process(os.getpid()).memory_full_info()
    assert by_page.anonymous - expected.swap <= 1.02 * expected.uss
    assert by_page.resident == pytest.approx(expected.rss, rel=0.02)
    assert quick.resident == pytest.approx(expected.rss, rel=0.05)
    assert quick.anonymous == pytest.approx(by_page.anonymous, rel=0.05)


@on_linux
@pytest.mark.parametrize("read", [read_memory, read_memory_by_page])
def test_a_reading_grows_by_what_a_process_takes(read: "Callable[[], Optional[Memory]]") -> None:
    """A hundred megabytes are a hundred megabytes to either."""
    before = read()
    held = b"." * 100_000_000
    after = read()
    assert before
    assert after
    assert after.anonymous - before.anonymous == pytest.approx(len(held), rel=0.02)


@on_linux
def test_settling_gives_back_what_was_dropped() -> None:
    """A hundred megabytes in small blocks, dropped and settled, are not there any more."""
    before = settle()
    held = [b"." * 10_000 for _ in range(10_000)]
    full = settle()
    del held
    after = settle()
    assert before.anonymous
    assert full.anonymous
    assert after.anonymous
    assert full.anonymous - before.anonymous > 90_000_000
    assert after.anonymous - before.anonymous < 10_000_000


def test_settling_collects_garbage_before_it_counts() -> None:
    """A reference cycle that nothing else holds is not in use."""
    before = settle()
    held = [bytearray(1_000_000)]
    held.append(held)  # type: ignore[arg-type]
    del held
    after = settle()
    if before.in_use is None or after.in_use is None:
        pytest.skip("the allocators of this platform do not count")
    assert after.in_use - before.in_use < 100_000
