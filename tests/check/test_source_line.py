"""A source line is read of a file like another, whatever path the service names; else there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sadpath.check.measure.source_line import LONGEST_LINE, MAX_BYTES, source_line


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with two lines."""
    file = tmp_path / "shop.py"
    file.write_text("def sell():\n    raise SOLD_OUT\n")
    return file


def test_a_line_is_returned_without_its_indentation(source: Path) -> None:
    """Lines are counted from one."""
    assert source_line(str(source), 2) == "raise SOLD_OUT"


@pytest.mark.parametrize("number", [3, 0, -1, 10**9])
def test_a_line_that_is_not_there_is_empty(source: Path, number: int) -> None:
    """The file may be another than the one that runs."""
    assert source_line(str(source), number) == ""


def test_the_encoding_is_the_one_that_the_source_declares(source: Path) -> None:
    """As Python reads it."""
    source.write_bytes("# coding: latin-1\nraise Café\n".encode("latin-1"))
    assert source_line(str(source), 2) == "raise Café"


@pytest.mark.parametrize("content", [b"# coding: no-such-code\nx\n", b"\xff\xfe\nx\n", b"# coding: rot13\nx\n"])
def test_what_cannot_be_decoded_is_no_source(source: Path, content: bytes) -> None:
    """Neither as it declares itself, nor as UTF-8."""
    source.write_bytes(content)
    assert source_line(str(source), 2) == ""


@pytest.mark.parametrize(
    "name",
    ["", "<string>", "/no/such/file.py", "/srv/a\0b.py", "/srv/\ud800.py", "x" * 5000, "/", "/etc/" + "../" * 3000],
)
def test_what_is_no_path_of_a_file_has_no_line(name: str) -> None:
    """`co_filename` may be anything."""
    assert source_line(name, 1) == ""


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes to it."""
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    assert source_line(str(pipe), 1) == ""


@pytest.mark.parametrize("name", ["/proc/self/environ", "/proc/self/cwd/pyproject.toml", "/dev/zero", "/dev/stdin"])
def test_nothing_of_the_kernels_is_read(name: str, tmp_path: Path) -> None:
    """Nor over a link that leads there: it would be our own environment, or never end."""
    link = tmp_path / "link.py"
    link.symlink_to(name)
    assert source_line(name, 1) == ""
    if not name.startswith("/proc/self/cwd"):
        assert source_line(str(link), 1) == ""


def test_a_large_file_is_read_to_a_bound(source: Path) -> None:
    """A line beyond it is not shown, one before it is."""
    with source.open("ab") as file:
        file.truncate(MAX_BYTES)
        file.seek(MAX_BYTES)
        file.write(b"\nbeyond\n")
    assert source_line(str(source), 2) == "raise SOLD_OUT"
    assert source_line(str(source), 4) == ""


def test_a_long_line_is_cut(source: Path) -> None:
    """Of a megabyte, as much as can be read."""
    source.write_text("x" * (1 << 20))
    assert source_line(str(source), 1) == "x" * (LONGEST_LINE - 1) + "…"
