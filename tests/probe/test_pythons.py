"""The probe is put into other people's processes, which may run another Python than this project."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.pythons import PROBE
from tests.interpreters import interpreter
from tests.representatives import some

ROOT = Path(__file__).parents[2]
ON_EVERY_CHANGE = {PROBE[0], "{}.{}".format(*sys.version_info)}
"""The oldest, which knows least of the language, and the one that runs; `make test-all` runs the others."""

SELF_CHECKED = [
    pytest.param(version, marks=[] if version in ON_EVERY_CHANGE else pytest.mark.slow) for version in PROBE
]

SELF_CHECK = """
import pathlib, sys, sysconfig
from sadpath.probe import census, heap, memory
from tests.probe.answering import answers
from tests.probe.raising import count_by_hand, raise_many
error, look = ValueError(), census.NOTHING
for times in (3, 0, 50, 1):
    raise_many(error, times)
    look = census.look_at(error, look)
    assert (look.entries, look.frames) == count_by_hand(error), (look, count_by_hand(error))
assert look.estimated_bytes > 1000
assert sys.version_info < (3, 11) or look.walked == 5, look
assert heap.full_census().with_traceback[0].entries == look.entries == 270
old, error.__traceback__ = look, None
raise_many(error, 2)
assert census.look_at(error, old).entries == 10
assert sys.platform != "linux" or memory.settle().anonymous > 0
assert answers()["explain.explain"], "each question has an answer"
own = [pathlib.Path.cwd(), *map(pathlib.Path, (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")))]
files = [pathlib.Path(module.__file__) for module in sys.modules.values() if getattr(module, "__file__", None)]
foreign = [str(file) for file in files if not {*own} & {*file.parents} or "site-packages" in file.parts]
assert files and not foreign, foreign
"""


NO_CALLS = """
from tests.probe.hooked import answers
calls = answers()["calls"]
assert not calls, calls
"""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.parametrize("version", SELF_CHECKED)
def test_the_probe_counts_right_with_the_standard_library_alone(version: str) -> None:
    """On every Python from 3.9, and with no package installed."""
    result = run(interpreter(version), "-S", "-W", "error", "-c", SELF_CHECK)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("version", SELF_CHECKED)
def test_the_probe_calls_no_code_of_a_users(version: str) -> None:
    """On every Python from 3.9, however much of it there is: see `tests.probe.hooked`."""
    result = run(interpreter(version), "-S", "-c", NO_CALLS)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version", some(PROBE, on_every_change=PROBE[:1]))
def test_the_tests_of_the_probe_pass(version: str, tmp_path: Path) -> None:
    """All of this folder's, on every Python from 3.9, in an environment of their own."""
    python = tmp_path / "bin" / "python"
    lock = ROOT / "requirements" / "probe.txt"
    for command in (
        ["uv", "venv", "--quiet", "--allow-existing", "--python", interpreter(version), tmp_path],
        ["uv", "pip", "install", "--quiet", "--require-hashes", "--python", python, "--requirement", lock],
        ["pytest", "-p", "no:cacheprovider", "tests/probe", f"--ignore={Path(__file__).relative_to(ROOT)}"],
    ):
        result = run(sys.executable if command[0] == "uv" else python, "-m", *command)
        assert result.returncode == 0, result.stdout + result.stderr
