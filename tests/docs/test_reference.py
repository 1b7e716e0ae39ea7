"""docs/reference.md is complete: each option, variable, metric, exit status and field that there is, and no other."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from typer.main import get_command

from sadpath.check.result import CauseKind
from sadpath.cli import app as sadpath
from sadpath.errors import Status
from sadpath.sources import Reading
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, FLAT_BELOW_IN_PAGES
from sadpath.watch.report import read_run, summary
from sadpath.watch.sample_file import COLUMNS, Sample, SampleFile
from service.app import create_app
from service.settings import Settings
from tests.docs.pages import ROOT

ROOMS = ("loadtest", "experiments")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\b(?:DEMO|LAB|SADPATH)_[A-Z][A-Z_]*[A-Z]\b")
WHERE_VARIABLES_ARE = ["*.py", "*.yml", "Makefile", "*/Dockerfile", ".env.example", ".ci/run", ":!tests"]
LOCUST = """
import json, sys
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
parser = LocustArgumentParser()
from loadtest.locustfile import add_options
add_options(parser)
from sadpath.plugins.locust import add_options
add_options(parser)
from sadpath.watch.locust_metrics import LocustCollector
json.dump(
    {
        "options": [option for action in parser._actions for option in action.option_strings if len(option) > 2],
        "variables": [action.env_var for action in parser._actions if getattr(action, "env_var", None)],
        "metrics": [one.name for one in LocustCollector(Environment(), ["shop"]).collect()],
    },
    sys.stdout,
)
"""
"""Asked in a process of its own, since Locust patches the standard library of the one that imports it."""


def listed() -> set[str]:
    """All that the page shows as code, word by word: `--rate`, `DEMO_RATE`, `ci95`; labels in braces left out."""
    spans = re.findall(r"`([^`\n]+)`", REFERENCE)
    return {word for span in spans for word in re.sub(r"(?<!/)\{[\w,]+\}", "", span).split()}


def listed_options() -> set[str]:
    return {word for word in listed() if re.fullmatch(r"--[a-z][a-z-]+", word)}


def options_of(command: Any) -> Iterator[str]:
    """The options of a click command and of all below it, but for --help."""
    for parameter in command.params:
        yield from (option for option in parameter.opts if option.startswith("--"))
    for below in getattr(command, "commands", {}).values():
        yield from options_of(below)


@pytest.fixture(scope="module")
def locust() -> dict[str, list[str]]:
    """The options and variables of the plugin and of the lab's locustfile, and the metrics of the plugin."""
    asked = subprocess.run([sys.executable, "-c", LOCUST], cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(asked.stdout))


@pytest.fixture
def commands() -> list[Any]:
    """The command line of the instrument, and those of the lab, which the other tests of this file do not need."""
    return [get_command(sadpath), *(get_command(import_module(f"{room}.commands").app) for room in ROOMS)]


def test_every_option_of_the_commands_is_listed(commands: list[Any]) -> None:
    """`sadpath …`, `python -m loadtest …` and `python -m experiments …`."""
    assert {option for command in commands for option in options_of(command)} - {"--help"} <= listed()


def test_every_command_is_listed(commands: list[Any]) -> None:
    """Each with its line."""
    for command, name in zip(commands, ["sadpath", *(f"python -m {room}" for room in ROOMS)], strict=True):
        for below in command.commands:
            assert f"`{name} {below}" in REFERENCE


def test_every_option_of_the_plugin_and_the_locustfile_is_listed(locust: Mapping[str, list[str]]) -> None:
    """With the variable that stands for it."""
    assert set(locust["options"] + locust["variables"]) - {"--help"} <= listed()


def test_no_option_is_listed_that_does_not_exist(commands: list[Any], locust: Mapping[str, list[str]]) -> None:
    """What was renamed or removed leaves the page."""
    known = {option for command in commands for option in options_of(command)} | set(locust["options"])
    assert listed_options() - {"--help"} <= known


def variables() -> set[str]:
    """Every variable by the prefixes of our own that a tracked file outside of the tests names."""
    command = ["git", "ls-files", "--", *WHERE_VARIABLES_ARE]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    named = {name for file in files for name in VARIABLE.findall((ROOT / file).read_text(encoding="utf-8"))}
    return named | {f"LAB_{name.upper()}" for name in Settings.model_fields}


def test_every_variable_is_listed_and_no_other(locust: Mapping[str, list[str]]) -> None:
    """`DEMO_…`, `LAB_…`, `SADPATH_…`."""
    known = variables() | {name for name in locust["variables"] if VARIABLE.fullmatch(name)}
    assert {word for word in listed() if VARIABLE.fullmatch(word)} == known


def test_every_metric_of_a_real_scrape_is_listed() -> None:
    """The lab's service with all that it publishes, once it has answered a request; counters with their suffix."""
    with TestClient(create_app(Settings(memory_limit_mb=512))) as client:
        client.get("/factory/users/42")
        page = client.get("/metrics").text
    families = {family.name for family in text_string_to_metric_families(page)}
    published = {
        name for name in families if not name.endswith("_created")
    }  # the times of others, as Prometheus sees it
    assert {name for name in published if {name, f"{name}_total"}.isdisjoint(listed())} == set()


def test_every_metric_of_the_plugin_is_listed(locust: Mapping[str, list[str]]) -> None:
    """Locust's own figures."""
    assert {name for name in locust["metrics"] if {name, f"{name}_total"}.isdisjoint(listed())} == set()


def test_no_metric_is_listed_that_is_not_published(locust: Mapping[str, list[str]]) -> None:
    """Of those that only we publish."""
    with TestClient(create_app(Settings(memory_limit_mb=512))) as client:
        client.get("/factory/users/42")
        page = client.get("/metrics").text + " ".join(f"{name} {name}_total" for name in locust["metrics"])
    ours = {word for word in listed() if re.fullmatch(r"(sadpath|locust)_[a-z_]+", word)}
    assert {name for name in ours if not re.search(rf"\b{name}\b", page)} == set()


@pytest.mark.parametrize("kind", CauseKind)
def test_every_kind_of_cause_is_listed(kind: CauseKind) -> None:
    """On the page that teaches the check, and among the fields of its JSON."""
    assert f"| {kind} | " in (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    (row,) = (line for line in REFERENCE.splitlines() if line.startswith("| `kind` | `"))
    assert f"`{kind}`" in row


def test_what_counts_as_flat_is_what_decides() -> None:
    """Wherever a page or an alert states it."""
    exact, in_pages = f"{FLAT_BELOW_EXACT:g}", f"{FLAT_BELOW_IN_PAGES:g}"
    check, methodology, alerts = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("docs/check.md", "docs/methodology.md", "grafana/prometheus/rules/memory.yml")
    )
    assert f"growth of {exact} bytes per request is ruled out" in check
    assert f"{in_pages} bytes per request take the place of {exact}" in check
    assert f"growth of {in_pages} bytes per request or more is ruled out" in methodology
    assert f"| `--bytes-per-request BYTES` | {exact}; {in_pages} without a probe | " in REFERENCE
    assert f"> {in_pages}\n" in alerts


@pytest.mark.parametrize("status", Status)
def test_every_exit_status_is_listed(status: Status) -> None:
    """By its number, at the beginning of a row."""
    assert f"\n| {int(status)} | " in REFERENCE


def fields(of: Any) -> set[str]:
    """The names in a JSON document, at every depth."""
    if isinstance(of, dict):
        return set(of) | {name for value in of.values() for name in fields(value)}
    return {name for value in of for name in fields(value)} if isinstance(of, list) else set()


def test_every_field_of_a_summary_is_listed(tmp_path: Path) -> None:
    """Those of `summary.json`, the arm's name aside, and the columns of `samples.csv`."""
    file = SampleFile(tmp_path / "samples.csv")
    file.append(Sample(0.0, "shop", "measured", Reading(1e6)))
    file.close()
    assert fields(summary(read_run(tmp_path))) - {"shop"} <= listed()
    assert set(COLUMNS) <= listed()


def test_every_route_is_listed() -> None:
    """The paths of the service's own description, but for the variants of twins, which have their pattern."""
    with TestClient(create_app(Settings(control=True))) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert {path for path in paths if not re.fullmatch(r"/twins/[a-z-]+/[a-z-]+", path)} <= listed()
