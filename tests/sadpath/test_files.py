"""Files that are written whole or set aside."""

import json
import os
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, fromstring

import pytest

from sadpath.files import set_aside, write_json, write_whole, write_xml
from tests.file_size import limited_file_size


def test_a_file_is_written_with_the_folder_that_it_is_in(tmp_path: Path) -> None:
    """And replaces what was there."""
    for content in (b"older", b"new"):
        write_whole(tmp_path / "reports" / "page", content)
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["page"]
    assert (tmp_path / "reports" / "page").read_bytes() == b"new"


def test_a_file_for_which_there_is_no_room_leaves_the_older_one(tmp_path: Path) -> None:
    """Whole, and no part of the new one beside it."""
    write_whole(tmp_path / "page", b"older")
    with limited_file_size(10), pytest.raises(OSError, match="File too large"):
        write_whole(tmp_path / "page", b"much more than there is room for")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("page", b"older")]


def test_json_is_a_file_that_people_can_read_too(tmp_path: Path) -> None:
    """Line by line, and with a last line's end."""
    write_json(tmp_path / "summary.json", {"verdict": "flat"})
    assert (tmp_path / "summary.json").read_text() == '{\n  "verdict": "flat"\n}\n'


def test_content_that_is_no_json_leaves_the_older_file(tmp_path: Path) -> None:
    """It is found before anything is written."""
    write_json(tmp_path / "summary.json", {})
    with pytest.raises(TypeError):
        write_json(tmp_path / "summary.json", {"verdict": object()})
    assert json.loads((tmp_path / "summary.json").read_text()) == {}


def test_xml_says_what_it_is(tmp_path: Path) -> None:
    """With its encoding, whatever is in it."""
    root = Element("testsuite", name="größer")
    SubElement(root, "testcase")
    write_xml(tmp_path / "junit.xml", root)
    text = (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "<?xml version='1.0' encoding='utf-8'?>"
    assert fromstring(text.encode()).get("name") == "größer"  # noqa: S314 - our own


def leave(folder: Path, *names: str, changed: float = 1_800_000_000) -> None:
    """Leave files of these names, last changed on 15 January 2027 at 8:00."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
        os.utime(folder / name, (changed, changed))


def test_what_an_earlier_run_left_is_moved_whole(tmp_path: Path) -> None:
    """Named after its start, which Windows could not have with its colons; other files stay, and a folder moves too."""
    leave(tmp_path, "samples.csv", "mine.txt")
    leave(tmp_path / "pictures", "memory.png")
    names, earlier = ["samples.csv", "pictures", "never.json"], tmp_path / "earlier"
    moved = set_aside(tmp_path, names, earlier, started="2026-01-02T03:04:05+00:00")
    assert moved == earlier / "2026-01-02T03-04-05"
    assert sorted(str(path.relative_to(moved)) for path in moved.rglob("*")) == [
        "pictures",
        "pictures/memory.png",
        "samples.csv",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "mine.txt"]


def test_where_no_run_was_nothing_is_moved(tmp_path: Path) -> None:
    """And no folder is made for it."""
    assert set_aside(tmp_path, ["samples.csv"], tmp_path / "earlier") is None
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_start_time_has_that_of_its_last_change(tmp_path: Path) -> None:
    """In UTC."""
    leave(tmp_path, "samples.csv")
    assert set_aside(tmp_path, ["samples.csv"], tmp_path / "earlier") == tmp_path / "earlier" / "2027-01-15T08-00-00"


def test_runs_of_one_second_do_not_replace_each_other(tmp_path: Path) -> None:
    """The second gets a number."""
    for _ in range(2):
        leave(tmp_path, "samples.csv")
        set_aside(tmp_path, ["samples.csv"], tmp_path / "earlier")
    assert {path.name for path in (tmp_path / "earlier").iterdir()} == {"2027-01-15T08-00-00", "2027-01-15T08-00-00_2"}


def test_only_the_newest_earlier_runs_are_kept(tmp_path: Path) -> None:
    """In whichever order they were set aside; a file beside them stays."""
    leave(tmp_path / "earlier", "notes.txt")
    for day in (3, 1, 2):
        leave(tmp_path, "samples.csv")
        set_aside(tmp_path, ["samples.csv"], tmp_path / "earlier", started=f"2026-01-0{day}T12:00:00+00:00", keep=2)
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == [
        "2026-01-02T12-00-00",
        "2026-01-03T12-00-00",
        "notes.txt",
    ]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Whoever laid it in a shared folder would choose what we write over; nothing else of ours follows one either."""
    (tmp_path / "loved").write_bytes(b"loved")
    (tmp_path / "page").symlink_to(tmp_path / "loved")
    write_whole(tmp_path / "page", b"new")
    assert (tmp_path / "page").read_bytes() == b"new"
    assert (tmp_path / "loved").read_bytes() == b"loved"
    assert not (tmp_path / "page").is_symlink()


def test_nobody_can_know_the_name_of_a_file_that_is_being_written(tmp_path: Path) -> None:
    """So nothing lies there: two writers of one file use two names, and the names it had once are left alone."""
    (tmp_path / "page.part").symlink_to(tmp_path / "loved")
    write_whole(tmp_path / "page", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page", "page.part"]


def test_a_file_has_the_mode_that_the_user_gives_new_files(tmp_path: Path) -> None:
    """As any program's: a report is there to be read by others, where the umask allows it."""
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "page", b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """It has a reader, who would wait for ever if a file took its place."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(tmp_path / "pipe", b"new")
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)


def test_what_a_shell_has_opened_is_written_to(tmp_path: Path) -> None:
    """As `/dev/stdout`, and the name that bash gives for `>(…)`; behind what is there already."""
    with (tmp_path / "output").open("ab") as output:
        output.write(b"before, ")
        output.flush()
        write_whole(Path(f"/dev/fd/{output.fileno()}"), b"new")
    assert (tmp_path / "output").read_bytes() == b"before, new"
