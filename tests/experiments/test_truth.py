"""The truth table: what agrees, and what becomes of a variant that cannot be measured."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from platform import python_version
from typing import Any

import psutil
import pytest

from experiments.measurement import Book
from experiments.pages import render
from experiments.twins.exact import ask_for_catalogue
from experiments.twins.runtimes import (
    NEWEST_KNOWN,
    OLD_STARLETTE,
    Environments,
    Python,
    Runtime,
    chosen_pythons,
    dotted,
    found_pythons,
    locked_starlette,
)
from experiments.twins.truth import TruthRow, TruthTable, find_scope, truth_json, warnings
from experiments.twins.truth_page import Extent, between, python_of, starlette_of, truth_page
from experiments.twins.variants import RoundReading, VariantFigures, figures_of, judge_figures, why_not_told_apart
from loadtest.catalogue import Expected, Twin, Variant
from loadtest.server import Pool
from sadpath.errors import CommandError
from service.twins.registry import TWINS
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300.0  # only ends what hangs: a busy machine takes its time
pytestmark = pytest.mark.timeout(2 * DEADLINE_S)
FLAT: Expected = {
    "traceback_entries_per_request": (0, 0),
    "bytes_per_request": (-256, 256),
    "cyclic_objects_per_request": (0, 0.5),
    "log_bytes_added_per_request": (0, 0),
}
NOTHING = VariantFigures(
    requests=2000,
    traceback_entries_per_request=0.0,
    bytes_per_request=1.0,
    ci95=(-3.0, 5.0),
    bytes_are_exact=True,
    cyclic_objects_per_request=0.05,
    cyclic_range=(0.04, 0.06),
    log_bytes_added_per_request=0.0,
    log_range=(0.0, 0.0),
    entries_left=0,
    median_ms_first_round=0.5,
    median_ms_last_round=0.5,
)
LEAK = replace(NOTHING, traceback_entries_per_request=2.0, bytes_per_request=17_000.0, ci95=(16_900.0, 17_100.0))
LEAKS: Expected = {**FLAT, "traceback_entries_per_request": (2, 2), "bytes_per_request": (16_500, 20_000)}


def reading(round_: int, memory: float = 0.0, log: int | None = None) -> RoundReading:
    """What is left after so many rounds of 200 requests, each links 2 entries and makes 6 objects in cycles."""
    requests, in_use = 200 * (round_ + 1), 40_000_000 + int(memory)
    return RoundReading(requests, in_use, 50_000_000, 2 * requests + 3, 6 * requests, log, 0.5 + round_)


# Figures


def test_where_the_allocators_do_not_tell_pages_are_compared() -> None:
    """As with jemalloc, musl, or on macOS; one reading that is missing is enough, since the two are never mixed."""
    known = [reading(number, memory=17_000 * 200 * number) for number in range(10)]
    in_pages = [replace(one, anonymous_bytes=9_000 * one.requests) for one in known]
    found = figures_of(0, [replace(in_pages[0], bytes_in_use=None), *in_pages[1:]])
    assert found.bytes_per_request == pytest.approx(9_000)
    assert not found.bytes_are_exact


def test_figures_are_slopes_against_requests() -> None:
    """What was there before the first reading counts for nothing, but for the entries that are left."""
    found = figures_of(3, [reading(number, memory=17_000 * 200 * number, log=100 * number) for number in range(10)])
    assert (
        found.traceback_entries_per_request,
        found.cyclic_objects_per_request,
        found.log_bytes_added_per_request,
    ) == (2, 6, 0.5)
    assert found.bytes_per_request == pytest.approx(17_000)
    assert found.bytes_are_exact
    assert found.entries_left == 2 * 2000
    assert (found.median_ms_first_round, found.median_ms_last_round) == (1.5, 9.5)


def test_too_few_readings_make_no_figures() -> None:
    """An interval of three readings would be made up."""
    with pytest.raises(ValueError, match="not enough data: 0 of 8 samples"):
        figures_of(0, [reading(number) for number in range(3)])


# The judge


def test_what_is_as_expected_agrees() -> None:
    """A leak that was promised, and a flat line that was."""
    assert judge_figures(LEAKS, LEAK) == ("agrees", "")
    assert judge_figures(FLAT, NOTHING) == ("agrees", "")


@pytest.mark.parametrize(
    ("figure", "expected", "reason"),
    [
        ("traceback_entries_per_request", (3, 3), "traceback_entries_per_request is 2, expected 3"),
        ("bytes_per_request", (20_000, 30_000), "17,000 (16,900 to 17,100), expected 20,000 to 30,000"),
        ("cyclic_objects_per_request", (3, 60), "cyclic_objects_per_request is 0.1, expected 3 to 60"),
        ("log_bytes_added_per_request", (100, 500), "log_bytes_added_per_request is 0, expected 100 to 500"),
    ],
)
def test_a_wrong_expectation_is_a_disagreement(figure: str, expected: tuple[float, float], reason: str) -> None:
    """Each of the four figures alone is enough, and the reason has both sides."""
    outcome, said = judge_figures({**LEAKS, figure: expected}, LEAK)
    assert outcome == "disagrees"
    assert said.endswith(reason)


def test_a_request_on_its_way_out_is_no_leak() -> None:
    """Counts are compared to a tenth, so one entry in 2,000 requests is none; one in ten is one."""
    assert judge_figures(FLAT, replace(NOTHING, traceback_entries_per_request=0.0006))[0] == "agrees"
    assert judge_figures(FLAT, replace(NOTHING, traceback_entries_per_request=-0.0006))[0] == "agrees"
    assert judge_figures(FLAT, replace(NOTHING, traceback_entries_per_request=0.1))[0] == "disagrees"


def test_an_interval_that_lies_half_in_the_range_decides_nothing() -> None:
    """Even if the slope itself lies in it: too noisy is no agreement."""
    outcome, reason = judge_figures(LEAKS, replace(LEAK, ci95=(9_000.0, 25_000.0)))
    assert outcome == "too noisy"
    assert reason.startswith("too noisy: bytes_per_request is 17,000 (9,000 to 25,000)")


def told_apart(expected_leaky: Expected, leaky: VariantFigures, expected_fixed: Expected, fixed: VariantFigures) -> str:
    """Why the leaky variant cannot be told from the fixed one; empty if it can."""
    ours = TruthRow("some", "leaky", "", "", expected_leaky, leaky)
    return why_not_told_apart(ours, TruthRow("some", "fixed", "", "", expected_fixed, fixed))


def test_a_leaky_variant_must_be_distinguished_from_its_fixed_one() -> None:
    """Two readings that are alike are reported, whatever their own ranges allow."""
    assert told_apart(LEAKS, LEAK, FLAT, NOTHING) == ""
    assert "not distinguished" in told_apart(LEAKS, NOTHING, FLAT, NOTHING)
    assert "not distinguished" in told_apart(LEAKS, replace(LEAK, ci95=(0.0, 34_000.0)), FLAT, NOTHING)
    assert "not distinguished" in told_apart(LEAKS, NOTHING, FLAT, LEAK)


@pytest.mark.parametrize(
    ("range_", "figure"),
    [("cyclic_range", "cyclic_objects_per_request"), ("log_range", "log_bytes_added_per_request")],
)
def test_cycles_or_the_log_alone_tell_them_apart_where_some_are_expected(range_: str, figure: str) -> None:
    """Garbage that waits for the collection retains no bytes; but noise in what nobody expects shows nothing."""
    leaky = replace(NOTHING, **{range_: (6.0, 6.1)})  # type: ignore[arg-type]
    assert told_apart({**FLAT, figure: (5.0, 8.0)}, leaky, FLAT, NOTHING) == ""
    assert "not distinguished" in told_apart(LEAKS, leaky, FLAT, NOTHING)


def test_two_flat_variants_need_not_be_told_apart() -> None:
    """As on a Starlette that clears what its handlers have handled."""
    assert told_apart(FLAT, NOTHING, FLAT, NOTHING) == ""


# A service that is not as it should be

ODD = """
import json, os, platform
FIGURES = ("traceback_entries_per_request", "bytes_per_request", "cyclic_objects_per_request",
           "log_bytes_added_per_request")
RANGES = {figure: [0, 0] for figure in FIGURES}
def variant(slug, status=200, expected=RANGES):
    return {"slug": slug, "path": "/" + slug, "status": status, "why": "", "expected": expected}
TWINS = [{"slug": "odd", "title": "", "origin": "", "protocol": "http", "leaky": "fine", "fixed": "fine",
          "requests": 400, "context_kb": 16,
          "variants": [variant("wrong", 404), variant("silent", expected=None), variant("dies"), variant("noisy"),
                       variant("muddled"), variant("fine")]}]
requests = 0
muddled = False
noise = 0
NOISE = (40, 90, 10, 60, 30, 80, 20, 70, 50, 0)
def answer(path):
    global requests, noise, muddled
    if path == "/lab":
        return {"python": platform.python_version(), "starlette": "0"}
    if path == "/twins":
        return TWINS
    if path == "/lab/settle":
        if muddled:
            return {}
        return {"bytes_in_use": noise * NOISE[requests // 40 % 10], "anonymous_bytes": 0, "traceback_entries": 0,
                "collected_objects": 0}
    requests += 1
    if path == "/dies" and requests > 50:
        print("odd: over its memory limit (1030 of 1024 MiB resident); exit status 137", flush=True)
        os._exit(137)
    muddled = path == "/muddled"
    if path == "/noisy":
        noise = 1_000_000
        if requests == 1:
            print("a lifetime", file=open(os.environ["LIFETIMES"], "a"))
    return {}
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    body = json.dumps(answer(scope["path"])).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def pool() -> Iterator[Pool]:
    found = Pool()
    yield found
    found.stop()


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    (tmp_path / "odd.py").write_text(ODD)
    monkeypatch.setenv("LIFETIMES", str(tmp_path / "lifetimes"))
    return Runtime(python_version(), "0", sys.executable, overlay=tmp_path, app="odd:app")


def test_what_cannot_be_measured_is_a_row_with_a_reason_and_the_table_goes_on(
    tmp_path: Path, odd: Runtime, pool: Pool
) -> None:
    """A wrong answer, no expectation, an end at the memory limit, noise, nonsense: each fails alone, and is on disk."""
    twins = list(ask_for_catalogue(odd, tmp_path, pool).values())
    missing = replace(twins[0], variants=[*twins[0].variants, Variant("missing", "/missing", 200, "", FLAT)])
    unusable = replace(odd, python="3.99", problem="the install for Python 3.99 failed: no disk")
    shown: list[TruthRow] = []
    TruthTable([missing], Book(tmp_path / "truth.json", {}, truth_json), pool, tmp_path, shown.append).measure(
        [odd, unusable]
    )
    rows = {(row["variant"], row["python"]): row for row in json.loads((tmp_path / "truth.json").read_text())["rows"]}
    reasons = {variant: row["reason"] for (variant, python), row in rows.items() if python == python_version()}
    limit = "odd: over its memory limit (1030 of 1024 MiB resident); exit status 137"
    assert reasons.pop("noisy").startswith("too noisy: bytes_per_request")
    assert reasons == {
        "wrong": "request 1 answered 200, not 404",
        "silent": "no expectation",
        "dies": f"the service ended with status 137: {limit}",
        "missing": "the service does not have this variant",
        "muddled": "KeyError: 'bytes_in_use'",
        "fine": "",
    }
    assert {row["variant"] for row in rows.values() if row["agrees"]} == {"fine"}
    assert rows["fine", "3.99"]["reason"] == unusable.problem
    assert len(shown) == len(rows) == 14
    assert (tmp_path / "lifetimes").read_text() == 2 * "a lifetime\n"  # what was too noisy was measured once more


def test_a_process_on_another_starlette_than_its_row_says_is_a_failed_row(
    tmp_path: Path, odd: Runtime, pool: Pool
) -> None:
    """As where an overlay does not come first."""
    table = TruthTable([], Book(tmp_path / "truth.json", {}, truth_json), pool, tmp_path, print)
    other = replace(odd, starlette="1.9.0")
    row = table.measure_row(TruthRow("odd", "fine", other.python, other.starlette), other)
    assert (row.agrees, row.found) == (False, None)
    assert row.reason == f"the process runs Python {python_version()}, Starlette 0"


# Interpreters


def interpreter(path: Path, prints: str, status: int = 0) -> Path:
    """A program in the place of an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\nexit {status}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A PATH with a shim that does not run, and pyenv's versions."""
    interpreter(tmp_path / "shims" / "python3.12", "pyenv: python3.12: command not found", 127)
    interpreter(tmp_path / "shims" / "python3.97", "PyPy 3.97.0")
    interpreter(tmp_path / "shims" / "python3.12-config", "CPython 3.12.0")
    interpreter(tmp_path / "pyenv/versions/3.12.1/bin/python3.12", "CPython 3.12.1")
    interpreter(tmp_path / "pyenv/versions/3.12.10/bin/python3.12", "CPython 3.12.10")
    interpreter(tmp_path / "pyenv/versions/3.9.18/bin/python3.9", "CPython 3.9.18")
    return {"PATH": str(tmp_path / "shims"), "PYENV_ROOT": str(tmp_path / "pyenv")}


def test_one_interpreter_of_each_minor_version_is_found_by_running_it(machine: dict[str, str]) -> None:
    """The running one, and pyenv's newest where the shim on the PATH does not run. PyPy and old ones are left out."""
    found = {python.version: python.executable for python in found_pythons(machine)}
    found.pop("3.12.10", None) if sys.version_info[:2] == (3, 12) else None
    assert found.pop(python_version()) == sys.executable
    if sys.version_info[:2] != (3, 12):
        assert found == {"3.12.10": f"{machine['PYENV_ROOT']}/versions/3.12.10/bin/python3.12"}


def test_a_name_is_looked_for_beyond_a_shim_that_does_not_run(machine: dict[str, str]) -> None:
    """`PYTHONS=python3.12` finds pyenv's; a path is taken as it is."""
    path = f"{machine['PYENV_ROOT']}/versions/3.12.1/bin/python3.12"
    assert chosen_pythons([path], machine) == [Python(path, "3.12.1")]
    if sys.version_info[:2] != (3, 12):
        assert [python.version for python in chosen_pythons(["python3.12"], machine)] == ["3.12.10"]


def test_no_interpreter_at_all_is_an_error_and_no_empty_table(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all that is here is too old: nothing measured is no agreement."""
    monkeypatch.setattr("experiments.twins.runtimes.OLDEST", (3, 98))
    with pytest.raises(CommandError, match=r"^no Python 3\.98 or later found; name one: make truth PYTHONS="):
        chosen_pythons([], machine)


@pytest.mark.parametrize("name", ["python3.97", "python9", "/no/such/python", "shims/python3.12"])
def test_an_interpreter_that_does_not_run_is_an_error_in_one_line(machine: dict[str, str], name: str) -> None:
    """The shim of pyenv, PyPy, and what is not there."""
    with pytest.raises(CommandError, match=f"^{name} is not a CPython that runs here; name another"):
        chosen_pythons([name], machine)


def test_two_interpreters_of_one_minor_version_are_an_error_in_one_line(machine: dict[str, str]) -> None:
    """They would share one environment."""
    versions = f"{machine['PYENV_ROOT']}/versions"
    names = [f"{versions}/{version}/bin/python3.12" for version in ("3.12.1", "3.12.10")]
    with pytest.raises(CommandError, match="are the same minor version; name one of each"):
        chosen_pythons(names, machine)


def test_an_interpreter_that_is_too_old_is_an_error_in_one_line(machine: dict[str, str]) -> None:
    """The service needs 3.11."""
    with pytest.raises(CommandError, match=r"is Python 3\.9\.18; the service needs 3\.11 or later"):
        chosen_pythons([f"{machine['PYENV_ROOT']}/versions/3.9.18/bin/python3.9"], machine)


def test_an_interpreter_newer_than_the_expectations_is_measured_with_a_warning(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    """Python 3.98 was never verified: its rows may disagree, and are worth more than a refusal."""
    newer = interpreter(tmp_path / "shims" / "python3.98", "CPython 3.98.0")
    assert Python(str(newer), "3.98.0") in found_pythons(machine)
    (chosen,) = chosen_pythons(["python3.98"], machine)
    newest = dotted(NEWEST_KNOWN)
    (warning,) = warnings([Python(sys.executable, f"{newest}.2"), chosen])
    assert warning == (
        f"truth: warning: the expectations were verified up to Python {newest}; rows on 3.98.0 may disagree\n"
    )


def test_an_install_that_fails_is_the_reason_of_that_interpreters_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line of pip; what is incomplete is not taken for an environment the next time."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lock = tmp_path / "service.txt"
    lock.write_text(f"starlette==1.10.0 --hash=sha256:{'0' * 64}\n")
    base = Python(os.path.realpath(sys.executable), python_version())
    lines: list[str] = []
    environments = Environments(tmp_path / "truth", lines.append, lock)
    (runtime,) = environments.runtimes(base, ["1.10.0"])
    assert runtime.problem.startswith(f"the install for Python {python_version()} failed: ERROR: ")
    assert len(lines) == 1
    assert not list(tmp_path.glob("truth/*/.installed"))


# The page


def row(variant: str, python: str, starlette: str, found: VariantFigures | None, reason: str = "") -> TruthRow:
    expected = FLAT if found is NOTHING else LEAKS
    return TruthRow("some", variant, python, starlette, expected, found, agrees=not reason, reason=reason)


TWIN = Twin(
    "some",
    "One error",
    "the article",
    "http",
    "reused",
    "factory",
    2000,
    16,
    [Variant("reused", "/", 404, "It stays.", LEAKS), Variant("factory", "/", 404, "It dies.", FLAT)],
)
MORE = replace(LEAK, bytes_per_request=35_000.0, ci95=(34_000.0, 36_000.0))
ROWS = [
    row("reused", "3.11.7", "1.9.0", LEAK),
    row("reused", "3.11.7", "1.10.0", NOTHING),
    row("reused", "3.12.1", "1.9.0", MORE, "bytes_per_request is 35,000"),
    row("reused", "3.12.1", "1.10.0", NOTHING),
    row("factory", "3.11.7", "1.9.0", NOTHING),
    row("factory", "3.12.1", "1.9.0", None, "no answer"),
]


def test_a_variant_that_changes_between_versions_is_found_in_the_rows() -> None:
    """On each version of the other thing by itself; what was not measured differs from nothing."""
    by_starlette = between(ROWS, starlette_of, python_of)
    assert [(one.name, one.on) for one in by_starlette] == [("some/reused", "3.11.7"), ("some/reused", "3.12.1")]
    alike = [*ROWS[:2], *(replace(row, python="3.13.0") for row in ROWS[:2])]
    (both,) = between(alike, starlette_of, python_of)
    assert both.on == "3.11.7, 3.13.0"
    by_python = between(ROWS, python_of, starlette_of)
    assert [(one.name, one.on) for one in by_python] == [("some/reused", "1.9.0")]


def test_bytes_that_differ_by_less_than_a_tenth_are_the_same() -> None:
    """Or by fewer than 256; a whole entry more is a difference, however many bytes it costs."""
    one = Extent.of([row("reused", "3.11.7", "1.9.0", LEAK)])
    near = Extent.of([row("reused", "3.11.7", "1.9.0", replace(LEAK, ci95=(18_000.0, 18_200.0)))])
    deeper = Extent.of([row("reused", "3.11.7", "1.9.0", replace(LEAK, traceback_entries_per_request=3.0))])
    assert one is not None
    assert near is not None
    assert deeper is not None
    assert one.is_like(near)
    assert not one.is_like(deeper)


def test_the_page_says_what_agrees_what_changed_and_what_each_twin_is_called() -> None:
    """Bytes have their interval beside them, and rows that disagree stand at the top with their reasons."""
    text = truth_page([TWIN], ROWS, {"fastapi": "0.165.0", "platform": "Linux"})
    assert "**4 of 6 rows agree.**" in text
    assert "- some/reused on Python 3.12.1, Starlette 1.9.0: bytes_per_request is 35,000" in text
    assert "| `some/reused` | 3.11.7 | 2 entries, 16,900 to 17,100 bytes | nothing |" in text
    assert "17,000 (16,900 to 17,100)" in text
    assert "`test_what_a_request_leaves_behind[some/reused]" in text
    assert "| `some/reused`  | Starlette 1.9.0  |" in text  # where something else is expected


def test_where_pythons_are_expected_to_differ_the_page_says_which() -> None:
    """Two lines of one variant, each on its own Python."""
    later = replace(
        row("reused", "3.12.1", "1.9.0", MORE), expected={**LEAKS, "traceback_entries_per_request": (2.0, 3.0)}
    )
    text = truth_page([TWIN], [row("reused", "3.11.7", "1.9.0", LEAK), later], {"fastapi": "0.165.0"})
    assert text.count("| `some/reused` | Python 3.11.7 |") == text.count("| `some/reused` | Python 3.12.1 |") == 1


def test_the_committed_page_names_every_variant_that_there_is() -> None:
    """Whoever adds a twin measures it, on every version, before it is merged."""
    committed = (ROOT / "docs" / "truth-table.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`test_what_a_request_leaves_behind\[(.+?)\]`", committed))
    assert named == {f"{twin.slug}/{variant.slug}" for twin in TWINS for variant in twin.variants}


def test_tables_are_aligned_as_plain_text() -> None:
    """Figures go to the right, under headings that Markdown aligns as well."""
    lines = render(
        "article-table.md", columns=["variant", "bytes", "", "x"], lines=[["a", "17,000", "0", "1"]], below=""
    )
    assert lines.splitlines()[:3] == [
        "| variant |  bytes |     |   x |",
        "| ------- | -----: | --: | --: |",
        "| a       | 17,000 |   0 |   1 |",
    ]


# The command


def truth(reports: Path, *options: str) -> subprocess.Popen[str]:
    """Start the command on this Python and the locked Starlette, which need no install."""
    command = [
        sys.executable,
        "-m",
        "experiments",
        "truth",
        "--python",
        sys.executable,
        "--starlette",
        locked_starlette(),
    ]
    command += ["--reports", str(reports), "--environments", str(reports / "truth"), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def rows_in(reports: Path) -> list[dict[str, Any]]:
    """Read the rows that are on disk, none if the file is missing."""
    file = reports / "truth.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text())["rows"] if file.exists() else []
    return rows


def test_a_twin_is_verified(tmp_path: Path) -> None:
    """The leak that control flow has, and the flat line of its fixed twin."""
    run = truth(tmp_path, "--twin", "control-flow", "--page", str(tmp_path / "page.md"))
    said, _ = run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 0, said
    assert "2 of 2 rows agree" in said
    rows = {row["variant"]: row for row in rows_in(tmp_path)}
    assert rows.keys() == {"reused", "factory"}
    assert rows["reused"]["measured"]["traceback_entries_per_request"] == pytest.approx(2, abs=0.01)
    assert rows["reused"]["measured"]["requests"] <= 2000
    assert rows["factory"]["measured"]["entries_left"] <= 2
    assert (rows["reused"]["python"], rows["reused"]["starlette"]) == (python_version(), locked_starlette())
    assert not (tmp_path / "page.md").exists()  # that is for a whole table


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_is_ended_leaves_what_it_measured_and_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    """Killed or interrupted: the file is whole, and nothing outlives the run, no temporary folder either."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    run = truth(tmp_path, "--twin", "control-flow", "--twin", "endpoint")
    until(lambda: rows_in(tmp_path), DEADLINE_S, "a row")
    below = psutil.Process(run.pid).children(recursive=True)
    assert below
    run.send_signal(number)
    run.communicate(timeout=DEADLINE_S)
    assert run.returncode == status
    assert 1 <= len(rows_in(tmp_path)) < 9
    until(lambda: not any(one.is_running() for one in below), DEADLINE_S, "the end of all processes")
    until(lambda: not any(temporary.iterdir()), DEADLINE_S, "the end of all folders")


@pytest.mark.parametrize(
    ("twins", "pythons", "starlettes", "reason"),
    [
        (["nope"], [sys.executable], [], "unknown twin nope; choose from asgi-middleware, "),
        ([], ["/no/python"], [], "/no/python is not a CPython that runs here"),
        ([], [sys.executable], ["0.1"], f"unknown Starlette 0.1; choose from {OLD_STARLETTE}, "),
    ],
)
def test_an_unknown_name_is_an_error_before_anything_is_installed(
    tmp_path: Path, twins: list[str], pythons: list[str], starlettes: list[str], reason: str
) -> None:
    """With the next thing to type."""
    with pytest.raises(CommandError, match=f"^{reason}"):
        find_scope(twins, pythons, starlettes, tmp_path)


def test_a_wrong_command_is_one_line(tmp_path: Path) -> None:
    """Exit status 2, and no file that was not there."""
    run = truth(tmp_path, "--python", "/no/python")
    said, _ = run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 2
    assert said == "truth: /no/python is not a CPython that runs here; name another with PYTHONS or --python\n"
    assert not (tmp_path / "truth.json").exists()
