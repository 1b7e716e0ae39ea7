"""Every command on the pages is run by a test, or the list says why not."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sadpath.lifeline import Child
from tests.docs.evidence import NOT_RUN, RUN_BY
from tests.docs.pages import PAGES, ROOT, bare, blocks, commands
from tests.required import missing
from tests.waiting import until

PRODUCTION = ROOT / "docs" / "production.md"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def shown(page: Path, program: str) -> list[str]:
    """The lines of a page's shell blocks that call one program."""
    lines = [bare(line) for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_has_its_evidence(page: Path) -> None:
    """A command that is new on a page needs a line in tests/docs/evidence.py."""
    assert not {command for command in commands(page) if command not in RUN_BY.keys() | NOT_RUN.keys()}


def test_no_evidence_is_left_over() -> None:
    """A command that went from the pages leaves the list too, and has one entry in it."""
    assert RUN_BY.keys() | NOT_RUN.keys() == {command for page in PAGES for command in commands(page)}
    assert not RUN_BY.keys() & NOT_RUN.keys()


@pytest.mark.parametrize("file", sorted(set(RUN_BY.values())))
def test_the_evidence_is_there(file: str) -> None:
    """A test that was renamed is renamed in the list."""
    assert (ROOT / file).is_file()


def test_a_command_on_no_list_would_be_seen(tmp_path: Path) -> None:
    """In a block and in a sentence, with a setting before it and a comment behind."""
    page = tmp_path / "page.md"
    page.write_text("Type `make tea`, not `make`.\n\n```sh\nSUGAR=2 .venv/bin/sadpath  brew   # hot\n```\n")
    assert commands(page) == ["SUGAR=2 sadpath brew", "make tea"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["make", "help"], "make demo"),
        ([sys.executable, "-m", "loadtest", "--help"], "demo"),
        ([sys.executable, "-m", "loadtest", "twins"], "retry-worker"),
        ([sys.executable, "-m", "sadpath", "--help"], "report"),
        ([sys.executable, "-m", "sadpath", "--version"], "."),
    ],
    ids=lambda value: " ".join(map(str, value[-3:])) if isinstance(value, list) else "",
)
def test_what_lists_and_explains_works(command: list[str], says: str) -> None:
    """The commands that somebody types first."""
    if not shutil.which(command[0]):
        missing(command[0], "install it")
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the lab's service listens, started with the settings that the page shows, on a port of its own."""
    (line,) = (line for block in blocks(PRODUCTION, "sh") for line in block.splitlines() if "uvicorn" in line)
    settings = dict(re.findall(r"(LAB_\w+)=(\S+)", line))
    log = tmp_path_factory.mktemp("service") / "service.log"
    command = [sys.executable, "-m", "uvicorn", "service.app:app", "--port", "0"]
    service = Child(command, log, settings)
    try:
        until(lambda: re.search(r"running on (http://\S+)", log.read_text()), 300, "the service")
        found = re.search(r"running on (http://\S+)", log.read_text())
        assert found
        yield found[1]
    finally:
        service.stop()


@pytest.mark.parametrize("command", [*shown(PRODUCTION, "curl"), *shown(ROOT / "docs" / "presenting.md", "curl")])
def test_the_requests_on_the_pages_are_answered(command: str, address: str) -> None:
    """Each as it is shown, sent to this service: the errors that are asked for, and no other."""
    if not shutil.which("curl"):
        missing("curl", "install it")
    there = re.sub(r"http://127\.0\.0\.1:\d+", address, command)
    done = subprocess.run(
        ["/bin/sh", "-c", there + " --silent --include"], capture_output=True, text=True, timeout=300, check=True
    )
    asks_for_an_error = "-i" in command.split()
    assert re.match(r"HTTP/1\.1 (404|409) " if asks_for_an_error else r"HTTP/1\.1 200 ", done.stdout), done.stdout


def test_the_images_to_save_are_those_that_run() -> None:
    """What is carried into a venue without a network is what Compose starts there."""
    (line,) = (line for line in shown(ROOT / "docs" / "presenting.md", "docker") if " save " in line)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"].values()
    profiles = {one["image"] for one in services if "image" in one and not one.get("profiles")}
    assert {"sadpath-service", "sadpath-loadtest", *profiles} == set(line.partition("|")[0].split()[2:])
