"""What docker-compose.yml lets a container do, and what it tells nobody. end_to_end/test_compose.py starts it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.required import missing

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
PASSWORD = "GF_SECURITY_ADMIN_PASSWORD"  # noqa: S105 - the name of the setting


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_few_rights_and_an_end_to_what_it_may_take(service: str) -> None:
    """No capability that it does not name, a bounded memory, and so many processes that none can fill the machine."""
    one = SERVICES[service]
    assert (one["read_only"], one["cap_drop"], one["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert one["mem_limit"]
    assert 0 < one["pids_limit"] <= 1024


def test_grafanas_administrator_has_a_password_of_the_kernels() -> None:
    """Grafana reads it from this file, which has another one at each reading; so `admin` opens nothing."""
    found = re.fullmatch(r"\$\$__file\{(/\S+)\}", SERVICES["grafana"]["environment"][PASSWORD])
    assert found
    file = Path(found[1])
    assert len({file.read_text(), file.read_text(), file.read_text()}) == 3
    assert len(file.read_text().strip()) == 36


def composed(*files: Path) -> dict[str, Any]:
    """What Compose makes of these files."""
    docker = shutil.which("docker") or missing("docker", "install it with its Compose plugin")
    command = [
        docker,
        "compose",
        *(word for file in files for word in ("--file", str(file))),
        "config",
        "--format",
        "json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "TWIN": ""})
    return dict(json.loads(done.stdout)["services"])


def test_an_override_sets_a_password_of_ones_own(tmp_path: Path) -> None:
    """As .env.example shows it, with another image; nothing else changes."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    own = tmp_path / "docker-compose.override.yml"
    own.write_text("\n".join(line[1:] for line in example.splitlines() if line.startswith("#   ")))
    before, after = composed(FILE)["grafana"], composed(FILE, own)["grafana"]
    assert after["environment"].pop(PASSWORD) == "one of your own"
    assert before["environment"].pop(PASSWORD) == "$$__file{/proc/sys/kernel/random/uuid}"  # as written: one dollar
    assert {**before, "image": ""} == {**after, "image": ""}
