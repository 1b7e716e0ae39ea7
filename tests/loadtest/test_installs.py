"""What a target of the Makefile installs is enough for what it runs."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
HIDING = "import sys; sys.modules.update(dict.fromkeys(sys.argv[2:])); __import__(sys.argv[1])"


def locked(part: str) -> set[str]:
    """The distributions of a lock."""
    return set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / f"{part}.txt").read_text(), re.MULTILINE))


def test_without_what_only_developers_have_every_command_starts() -> None:
    """The demo's lock is what `make demo`, `truth`, `cost` and `figures` install."""
    only_ours = locked("dev") - locked("demo")
    hidden = [name for name, owners in packages_distributions().items() if {one.lower() for one in owners} <= only_ours]
    assert {"scipy", "mypy"} <= set(hidden)
    command = [sys.executable, "-c", HIDING, "loadtest.commands", *hidden]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
