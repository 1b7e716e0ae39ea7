"""`sadpath report` on a folder that is damaged, or that somebody made up: a report, or one line and the status 2."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sadpath.cli import app
from sadpath.errors import Status, exit_status
from sadpath.watch.run import Conditions, write_conditions
from tests.hostile_text import HOSTILE
from tests.watch.runs import leave, samples

SHORT = {kind: text for kind, text in HOSTILE.items() if len(text) < 1000}
Damage = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a run has left, whose arm was flat."""
    leave(tmp_path, samples("shop", 0))
    write_conditions(tmp_path / "run.json", Conditions(started="2026-01-02T03:04:05+00:00", about="a shop"))
    return tmp_path


def reported(folder: Path) -> tuple[int, str]:
    """The status of `sadpath report`, and what it said on standard error."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
        status = exit_status("sadpath", lambda: app(["report", str(folder), "--junit", str(folder / "junit.xml")]))
    return status, err.getvalue()


def conditions(content: str) -> Damage:
    return lambda folder: (folder / "run.json").write_text(content)


def with_conditions(**changed: object) -> Damage:
    def damage(folder: Path) -> None:
        written = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**written, **changed}))

    return damage


def rows(change: Callable[[str], str]) -> Damage:
    """Change each row but the first."""

    def damage(folder: Path) -> None:
        first, *others = (folder / "samples.csv").read_text().splitlines()
        (folder / "samples.csv").write_text("\n".join([first, *map(change, others), ""]))

    return damage


def appended(content: bytes) -> Damage:
    def damage(folder: Path) -> None:
        with (folder / "samples.csv").open("ab") as file:
            file.write(content)

    return damage


def cell(number: int, content: str) -> Damage:
    """Put this into a cell of each row."""
    return rows(lambda row: ",".join(content if i == number else one for i, one in enumerate(row.split(","))))


NOT_OURS = {
    "a list": conditions("[]"),
    "numbers": with_conditions(**dict.fromkeys(Conditions.__dataclass_fields__, 5)),
    "nothing": with_conditions(**dict.fromkeys(Conditions.__dataclass_fields__)),
    "lists": with_conditions(**{name: [1] for name in Conditions.__dataclass_fields__}),
    "no numbers": with_conditions(bytes_per_request="x", warm_up_s="y", users=True),
    "too large": with_conditions(bytes_per_request=float("inf"), warm_up_s=float("nan"), users=10**400),
    "services": with_conditions(services={"shop": 5}, environment={"python": [], "starlette": None}),
    "deep": conditions("[" * 100_000 + "]" * 100_000),
    "binary": conditions("\x00\x01"),
    "missing": lambda folder: (folder / "run.json").unlink(),
}


@pytest.mark.parametrize("damage", NOT_OURS.values(), ids=NOT_OURS)
def test_conditions_that_are_not_ours_are_unknown(damage: Damage, folder: Path) -> None:
    """The samples are judged without them."""
    damage(folder)
    assert reported(folder) == (Status.OK, f"report: {folder / 'report.html'}\n")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_run_is_about_may_be_anything(text: str, folder: Path) -> None:
    """Also on the picture."""
    with_conditions(about=text, command=text, started=text, services={text: text}, environment={text: text})(folder)
    assert reported(folder) == (Status.OK, f"report: {folder / 'report.html'}\n")


DAMAGED = {
    "no text": appended(b"\xe9\xff,\n"),
    "a long cell": appended(b"1," + b"a" * 200_000 + b",measured\n"),
    "no number": cell(0, "nan"),
    "infinite": cell(0, "inf"),
    "later than the universe": cell(0, "1e308"),
    "more than any memory": cell(3, "1e308"),
    "infinite memory": cell(3, "inf"),
    "infinite requests": cell(7, "-inf"),
    "a list of errors": rows(lambda row: row.replace('"{}"', "[1]").replace(",,", ",[1],", 1)),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_samples_that_are_damaged_are_one_line(damage: Damage, folder: Path) -> None:
    """With the status of a wrong command."""
    damage(folder)
    status, said = reported(folder)
    assert (status, said.count("\n")) == (Status.WRONG_COMMAND, 1)
    assert said.startswith(f"sadpath: {folder / 'samples.csv'} is damaged: ")


JUDGED = {
    "empty": lambda folder: (folder / "samples.csv").write_bytes(b""),
    "the first row": rows(lambda _: ""),
    "cut": lambda folder: (folder / "samples.csv").write_bytes((folder / "samples.csv").read_bytes()[:-20]),
    "negative": cell(3, "-1"),
    "a NUL": cell(1, "sh\x00op"),
    "many arms": rows(lambda row: row.replace("shop", f"shop{hash(row)}")),
}


@pytest.mark.parametrize("damage", JUDGED.values(), ids=JUDGED)
def test_samples_that_can_be_read_are_judged(damage: Damage, folder: Path) -> None:
    """Whatever they are of."""
    damage(folder)
    status, said = reported(folder)
    assert (status in {Status.OK, Status.INCONCLUSIVE}, said) == (True, f"report: {folder / 'report.html'}\n")


@pytest.mark.parametrize("name", SHORT.values(), ids=SHORT)
def test_an_arm_may_have_any_name(name: str, tmp_path: Path) -> None:
    """Also on the picture; half of a surrogate pair is no text that a file could have."""
    leave(tmp_path, samples(name.encode(errors="replace").decode(), 0))
    assert reported(tmp_path) == (Status.OK, f"report: {tmp_path / 'report.html'}\n")
