"""What GitHub runs: each action as it was when it was looked at, and no more rights than it needs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.required import missing

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def read(workflow: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(workflow.read_text(encoding="utf-8")))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    """A tag can be moved, a commit cannot; the version stands beside it for people and for dependabot."""
    used = re.findall(r"uses: (.+)", workflow.read_text(encoding="utf-8"))
    assert used
    assert not [action for action in used if not PINNED.fullmatch(action)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_has_a_concurrency_group(workflow: Path) -> None:
    """What needs more says so in its own job; every job ends in time."""
    content = read(workflow)
    assert content["permissions"] == {"contents": "read"}
    assert content["concurrency"]["group"]
    assert all(job["timeout-minutes"] <= 60 for job in content["jobs"].values())


def test_only_the_job_that_publishes_can_publish() -> None:
    """It has an environment, a token of its own, and runs nothing but the upload of what was tested."""
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    (publishing,) = (name for name, job in jobs.items() if "permissions" in job)
    assert jobs[publishing]["permissions"] == {"id-token": "write"}
    assert jobs[publishing]["environment"]
    assert not [step for step in jobs[publishing]["steps"] if "run" in step]


def test_zizmor_finds_nothing() -> None:
    """As `make check` asks it: without a network and without a token."""
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run([zizmor, "--offline", "--quiet", "."], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_make_check_asks_zizmor() -> None:
    """What it would run, with the command that the test above runs."""
    make = shutil.which("make") or missing("make", "install it")
    done = subprocess.run([make, "--dry-run", "check"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ".venv/bin/zizmor --offline --quiet .\n" in done.stdout


def test_dependabot_looks_at_every_dockerfile() -> None:
    """A base image that nobody looks at keeps the faults of its day."""
    updates = read(ROOT / ".github" / "dependabot.yml")["updates"]
    (docker,) = (one for one in updates if one["package-ecosystem"] == "docker")
    command = ["git", "ls-files", "Dockerfile", "*/Dockerfile"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(docker["directories"]) == sorted(f"/{Path(file).parent}".rstrip(".") for file in listed)
