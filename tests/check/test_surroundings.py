"""`sadpath` where it was not expected to be run: encodings, streams, folders, names, variables. Real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.ports import free_port
from sadpath import __version__
from tests.check.conftest import HERE, environment
from tests.generated import examples

NO_UTF_8 = os.fsdecode(b"f\xffx")


def sadpath(*arguments: str | Path, **how: Any) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **how}
    return subprocess.run([sys.executable, "-P", "-m", "sadpath", *arguments], timeout=600, check=False, **how)


def leaking(kind: str) -> list[str]:
    """What is typed after `sadpath` to check one path of a service that leaks."""
    service = [sys.executable, str(HERE / "says_anything.py"), str(free_port())]
    return ["check", "--budget", "30", "--request", f"GET /{kind}", "--", *service]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_lacks_is_an_escape(encoding: str) -> None:
    """A verdict is no less a verdict in an old terminal."""
    old = environment(PYTHONIOENCODING=encoding, LC_ALL="C", PYTHONUTF8="0")
    done = sadpath(*leaking("half-a-surrogate-pair"), env=old)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (1, 0)
    assert rb"ValueError: lone \ud800 surrogate \udcff" in done.stdout
    assert done.stdout.decode(encoding)


@pytest.mark.slow
@pytest.mark.parametrize("closed", [[1], [2], [0, 1, 2]])
def test_closed_streams_change_nothing_else(closed: list[int], tmp_path: Path) -> None:
    """The status is the verdict's, and the files are written."""
    command = leaking("markup")
    command[1:1] = ["--json", str(tmp_path / "check.json"), "--html", str(tmp_path / "check.html")]
    done = sadpath(*command, preexec_fn=lambda: list(map(os.close, closed)))
    assert (done.returncode, done.stderr.count(b"Traceback")) == (1, 0)
    assert json.loads((tmp_path / "check.json").read_text())["verdict"] == "leaks"
    assert (tmp_path / "check.html").exists()


@pytest.mark.slow
def test_a_reader_that_left_costs_no_file(tmp_path: Path) -> None:
    """As `head` does; that is no verdict."""
    reader, writer = os.pipe()
    os.close(reader)
    command = leaking("markup")
    command[1:1] = ["--json", str(tmp_path / "check.json"), "--junit", str(tmp_path / "check.xml")]
    done = sadpath(*command, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (4, 0)
    assert json.loads((tmp_path / "check.json").read_text())["verdict"] == "leaks"
    assert (tmp_path / "check.xml").exists()


@pytest.mark.slow
def test_a_folder_and_files_need_not_be_utf_8(tmp_path: Path) -> None:
    """They are bytes to the system."""
    folder = tmp_path / NO_UTF_8
    folder.mkdir()
    command = leaking("markup")
    names = [f"{NO_UTF_8}.{ending}" for ending in ("json", "xml", "html")]
    command[1:1] = ["--json", names[0], "--junit", names[1], "--html", names[2]]
    done = sadpath(*command, cwd=folder)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (1, 0)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.slow
def test_a_folder_that_was_removed_is_no_obstacle(tmp_path: Path) -> None:
    """To a check of what stands elsewhere."""
    (tmp_path / "gone").mkdir()
    done = sadpath(*leaking("markup"), cwd=tmp_path / "gone", preexec_fn=(tmp_path / "gone").rmdir)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["report", NO_UTF_8], 2, rb"sadpath: no samples.csv in f\udcffx; name the folder of a run"),
        (["check", "--config", NO_UTF_8, "x:y"], 2, rb"f\udcffx"),
        (["check", "--baseline", NO_UTF_8, "x:y"], 2, rb"sadpath: cannot read the baseline f\udcffx: No such file"),
        (["check", "--json", f"/etc/passwd/{NO_UTF_8}", "x:y"], 4, rb"cannot write to /etc/passwd/f\udcffx: "),
        (["check", "--", NO_UTF_8], 2, rb"sadpath: cannot find the command 'f\udcffx'"),
        (["check", "--", "sh", "-c", r"printf '\033[2J::error::\n'; exit 3"], 4, rb"status 3: \x1b[2J::error::"),
        (["check", "--", "sh", "-c", r"printf 'half \355\240\200\n'; exit 3"], 4, b"status 3: half "),
        ([f"check{NO_UTF_8}"], 2, rb"No such command"),
        (["check", f"--{NO_UTF_8}"], 2, rb"No such option"),
    ],
)
def test_what_was_typed_is_named_as_it_can_be_seen(arguments: list[str], status: int, says: bytes) -> None:
    """In one line of ours."""
    done = sadpath(*arguments)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (status, 0)
    assert says in done.stderr.splitlines()[-1]


def test_without_proc_the_line_says_so() -> None:
    """As in a chroot: the processes of a service cannot be seen then."""
    if os.geteuid() or subprocess.run(["/usr/bin/unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("only root can have a namespace of its own here")
    inside = 'mount -t tmpfs none /proc && exec "$0" -P -m sadpath check -- true'
    command = ["/usr/bin/unshare", "-m", "sh", "-c", inside, sys.executable]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    says = "processes cannot be seen, since /proc is not mounted; type: mount -t proc proc /proc"
    assert (done.returncode, done.stderr) == (4, f"sadpath: {says}\n")


WORDS = st.text(st.characters(exclude_characters="\0"), max_size=20).map(
    lambda text: text.encode(errors="surrogatepass").decode(errors="surrogateescape")
)
VARIABLES = st.fixed_dictionaries(
    {},
    optional={
        "PYTHONIOENCODING": st.sampled_from(["ascii", "latin-1", "utf-8", "utf-16", "ascii:strict", ":replace"]),
        **dict.fromkeys(["LANG", "LC_ALL"], st.sampled_from(["C", "POSIX", "C.UTF-8", "xx_YY.ISO-8859-1"]) | WORDS),
        **dict.fromkeys(["COLUMNS", "LINES"], st.sampled_from(["0", "-1", "1", "1000000", "x", ""])),
        "TERM": st.sampled_from(["dumb", "unknown", "xterm-256color", ""]) | WORDS,
        **dict.fromkeys(["CI", "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"], st.just("true") | WORDS),
        "GITHUB_STEP_SUMMARY": st.sampled_from(["/nowhere/at/all", "/", ""]),
        "HOME": st.sampled_from(["/nowhere", ""]) | WORDS,
    },
)


@given(VARIABLES, WORDS)
@examples(2)
def test_no_variable_of_the_surroundings_is_an_obstacle(variables: dict[str, str], word: str) -> None:
    """The version is printed, and a command that is wrong is wrong."""
    in_surroundings(variables, word)


@pytest.mark.slow
@given(VARIABLES, WORDS)
@examples(40)
def test_none_of_many_surroundings_is_an_obstacle(variables: dict[str, str], word: str) -> None:
    """As above."""
    in_surroundings(variables, word)


def in_surroundings(variables: dict[str, str], word: str) -> None:
    """See that two commands end as they do everywhere."""
    given = {**environment(), **variables}
    version = sadpath("--version", env=given)
    assert (version.returncode, version.stderr) == (0, b"")
    encoding = "utf-16" if variables.get("PYTHONIOENCODING") == "utf-16" else "ascii"
    assert version.stdout.decode(encoding) == f"{__version__}\n"
    wrong = sadpath("report", f"/nowhere/{word}", env=given)
    assert (wrong.returncode, wrong.stderr.count(b"Traceback")) == (2, 0)
