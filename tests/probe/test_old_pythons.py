"""The probe is put into other people's processes, which may run an older Python than this project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]

SELF_CHECK = """
import sys
from sadpath.probe import census, collector, heap, memory
from tests.probe.raising import count_by_hand, raise_many
error, look = ValueError(), census.NOTHING
recorder = collector.PauseRecorder()
recorder.install()
for times in (3, 0, 50, 1):
    raise_many(error, times)
    look = census.look_at(error, look)
    assert (look.entries, look.frames) == count_by_hand(error), (look, count_by_hand(error))
assert look.estimated_bytes > 1000
assert sys.version_info < (3, 11) or look.walked == 5, look
assert heap.full_census()[0].entries == look.entries == 270
old, error.__traceback__ = look, None
raise_many(error, 2)
assert census.look_at(error, old).entries == 10
assert sys.platform != "linux" or memory.settle().unique > 0
assert sum(recorder.generations[2].buckets) >= (sys.platform == "linux")
own = {*BUILT_IN, "sadpath", "tests", "__main__", "_bootlocale"}
foreign = [name for name in sys.modules if name.split(".")[0] not in own]
assert not foreign, foreign
"""


def interpreter(version: str) -> str:
    """The command of an interpreter that runs, or skip."""
    candidates = [
        shutil.which(f"python{version}"),
        *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ]
    for command in filter(None, candidates):
        if subprocess.run([command, "-c", ""], capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip(f"there is no Python {version} here")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_probe_counts_right_with_the_standard_library_alone(version: str) -> None:
    """On every Python from 3.9, and with no package installed."""
    command = interpreter(version)
    code = f"BUILT_IN = {set(sys.stdlib_module_names)!r}\n{SELF_CHECK}"
    result = subprocess.run(
        [command, "-S", "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
