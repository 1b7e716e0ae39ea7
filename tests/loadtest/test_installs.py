"""What a target of the Makefile installs is enough for what it runs."""

import re
import subprocess
import sys
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
HIDING = "import sys; sys.modules.update(dict.fromkeys(sys.argv[2:])); __import__(sys.argv[1])"


def locked(part: str) -> dict[str, str]:
    """The distributions of a lock, with the extras that it names: `{"uvicorn": "[standard]"}`."""
    lock = (ROOT / "requirements" / f"{part}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)(\[[\w,.-]+\])?==", lock, re.MULTILINE))


def test_without_what_only_developers_have_every_command_starts() -> None:
    """The demo's lock is what `make demo`, `truth`, `cost` and `figures` install."""
    only_ours = locked("dev").keys() - locked("demo").keys()
    hidden = [name for name, owners in packages_distributions().items() if {one.lower() for one in owners} <= only_ours]
    assert {"scipy", "mypy"} <= set(hidden)
    command = [sys.executable, "-c", HIDING, "loadtest.commands", *hidden]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_lock_names_the_extras_that_its_packages_ask_for() -> None:
    """An old pip (23.2) takes the newest release for `coverage[toml]` where a lock has only `coverage`, and fails."""
    lock = locked("dev")
    asked = (need for one in distributions() for need in one.requires or [] if "extra ==" not in need)
    found = [match.groups() for need in asked if (match := re.match(r"([\w.-]+)(\[[\w,.-]+\])", need))]
    wanted = {name: extras for name, extras in found if name in lock}
    assert wanted
    assert {name: lock[name] for name in wanted} == wanted
