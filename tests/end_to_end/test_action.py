"""The GitHub action, its steps run as the runner does; and the container image."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtest.ports import free_port
from tests.end_to_end.test_compose import engine_or_skip

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "tests" / "check" / "services"


def steps() -> list[dict[str, Any]]:
    return list(yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"])


def run_step(step: dict[str, Any], inputs: dict[str, str], runner: Path) -> subprocess.CompletedProcess[str]:
    """Run one step with bash, as the runner does, with what GitHub sets."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    ours = {name: inputs[value[len("${{ inputs.") : -len(" }}")]] for name, value in step["env"].items()}
    github = {
        "RUNNER_TEMP": str(runner),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
    }
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=inputs["working-directory"],
        env={**given, **github, **ours},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )


def test_the_action_fails_a_job_whose_service_leaks(tmp_path: Path) -> None:
    """With files, a summary, and an annotation at the raise site; a quoted option stays one word."""
    inputs = {
        "python": sys.executable,
        "command": f"'{sys.executable}' plain.py {free_port()}",
        "options": "--budget 30 --request 'GET /leak'",
        "reports": str(tmp_path / "reports"),
        "working-directory": str(SERVICES),
    }
    install, check = steps()
    installed = run_step(install, inputs, tmp_path)
    assert installed.returncode == 0, installed.stderr
    done = run_step(check, inputs, tmp_path)
    assert done.returncode == 1, done.stderr
    line = (SERVICES / "plain.py").read_text().splitlines().index("            raise Errors.refused") + 1
    assert f"::error file=plain.py,line={line},title=GET /leak 403 leaks::" in done.stdout
    assert "plain.Errors.refused" in (tmp_path / "summary.md").read_text().replace("__main__", "plain")
    assert (tmp_path / "output").read_text().splitlines()[1] == f"{tmp_path}/reports/check.json"
    assert json.loads((tmp_path / "reports" / "check.json").read_text())["verdict"] == "leaks"
    assert {file.name for file in (tmp_path / "reports").iterdir()} == {"check.json", "check.xml", "check.html"}


def test_the_image_checks_a_service_by_its_address(tmp_path: Path) -> None:
    """From outside, by its metrics page."""
    engine_or_skip()
    docker = str(shutil.which("docker"))
    tag, port = "sadpath-test", free_port()
    subprocess.run([docker, "build", "--quiet", "--tag", tag, str(ROOT)], check=True, capture_output=True)
    service = [sys.executable, "-m", "uvicorn", "service.app:app", "--port", str(port), "--no-access-log"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(service, cwd=ROOT, stdout=log, stderr=log) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            options = ["--metrics", f"{url}/metrics", "--budget", "20", "--request", "GET /reused/users/42"]
            command = [docker, "run", "--rm", "--network", "host", tag, "check", url, *options]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        finally:
            running.terminate()
    subprocess.run([docker, "image", "rm", "--force", tag], check=False, capture_output=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "GET /reused/users/42 404   leaks" in done.stdout
