"""The other Pythons of this machine."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.required import missing


def find_interpreter(version: str) -> str | None:
    """Return a command that runs this version (3.12): ours, on the PATH, or among pyenv's; None if none does.

    Each candidate is run, since pyenv's shims are on the PATH also for versions that they do not run.
    """
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    of_pyenv = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for command in filter(None, [shutil.which(f"python{version}"), *map(str, of_pyenv)]):
        if subprocess.run([command, "-c", ""], capture_output=True, check=False).returncode == 0:
            return command
    return None


def interpreter(version: str) -> str:
    """Return a command that runs this version; skip the test where none does, or fail it where it is required."""
    return find_interpreter(version) or missing(f"python{version}", "install it, or put it on the PATH")
