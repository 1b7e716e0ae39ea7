import gc
import os
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path
from typing import Any, Optional

import pytest

from sadpath.probe import memory
from sadpath.probe.memory import bytes_in_use, settle
from tests.required import missing

ROOT = Path(__file__).parents[2]
GROWTH = """
from sadpath.probe.memory import bytes_in_use
before = bytes_in_use()
kept = [b"." * 4000 + bytes([number]) for number in range(250)]
print(before and bytes_in_use() - before)
"""

pytestmark = pytest.mark.skipif(settle().in_use is None, reason="the allocators of this platform do not count")


def in_use() -> int:
    """The bytes in use once all garbage is gone; read twice, since the first reading may fill a cache."""
    gc.collect()
    bytes_in_use()
    count = bytes_in_use()
    assert count
    return count


def growth_in_a_process_with(**environment: str) -> "Optional[int]":
    """By how much 250 objects of 4 KB let the bytes in use of another process grow; None where that is unknown."""
    command = [sys.executable, "-c", GROWTH]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100, check=True
    )
    return None if done.stdout == "None\n" else int(done.stdout)


class OtherLibrary:
    """The C library of this process, but for what a test gives another answer to."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(OURS, name)


OURS = memory._c_library()  # noqa: SLF001


@pytest.mark.parametrize(
    "library",
    [
        None,
        OtherLibrary(mallinfo2=memory._MallocInfo),  # noqa: SLF001
        OtherLibrary(_PyObject_DebugMallocStats=lambda _stream: 1),
    ],
    ids=["another platform", "another malloc counts nothing", "another allocator of objects prints nothing"],
)
def test_what_cannot_be_counted_is_unknown_and_not_zero(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zero would be taken for a reading, and two of them for no growth."""
    monkeypatch.setattr(memory, "_c_library", lambda: library)
    assert bytes_in_use() is None


def test_small_objects_are_counted() -> None:
    """Ten thousand objects in blocks of 512 bytes, where pages may show no growth or too much; no block is missed."""
    kept: "list[object]" = [None] * 10_000
    before = in_use()
    kept[:] = [bytes([number % 256]) * 479 for number in range(10_000)]
    assert in_use() - before == pytest.approx(10_000 * 512, rel=0.01)


def test_a_large_object_is_counted() -> None:
    """Five megabytes come from `malloc`, which maps them, and count to within a page or two."""
    before = in_use()
    kept = bytearray(5_000_000)
    assert 0 <= in_use() - before - len(kept) <= 8192


def test_what_was_given_back_does_not_count() -> None:
    """One object in a hundred stays, and holds its page; the others are gone."""
    kept: "list[object]" = [None] * 10_000
    before = in_use()
    kept[:] = [bytes([number % 256]) * 479 for number in range(10_000)]
    kept[:] = [one if number % 100 == 0 else None for number, one in enumerate(kept)]
    assert in_use() - before == pytest.approx(100 * 512, abs=8192)


def test_a_reading_leaves_nothing_behind() -> None:
    """A hundred of them change the count by less than one object would."""
    in_use()
    before = in_use()
    for _ in range(100):
        bytes_in_use()
    assert abs(in_use() - before) < 512


def test_it_counts_where_pymalloc_is_switched_off() -> None:
    """With `PYTHONMALLOC=malloc` all objects come from `malloc`, which counts them."""
    growth = growth_in_a_process_with(PYTHONMALLOC="malloc")
    assert growth is not None
    assert 1_000_000 <= growth <= 1_100_000


def test_it_counts_under_debug_hooks() -> None:
    """With `PYTHONMALLOC=debug`, and so with `python -X dev`, each object has its padding."""
    growth = growth_in_a_process_with(PYTHONMALLOC="debug")
    assert growth is not None
    assert 1_000_000 <= growth <= 1_100_000


@pytest.mark.skipif(sys.version_info < (3, 13), reason="mimalloc came with Python 3.13")
def test_it_is_unknown_where_mimalloc_holds_the_objects() -> None:
    """Neither allocator that can be asked has handed them out: no figure is better than one of zero growth."""
    assert growth_in_a_process_with(PYTHONMALLOC="mimalloc") is None


def test_it_is_unknown_where_another_malloc_is_preloaded() -> None:
    """With jemalloc the counts of glibc's own `malloc` stay at zero."""
    library = find_library("jemalloc")
    if library is None:
        missing("jemalloc", "apt-get install libjemalloc2")
    assert growth_in_a_process_with(LD_PRELOAD=library) is None
