"""The other installed versions of Python."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.required import missing


def find_interpreter(version: str) -> str | None:
    """Return a command that runs this version (3.12): the running Python, one on the PATH or pyenv's; None without one.

    Each candidate is run, since pyenv puts shims on the PATH for versions that they cannot run.
    """
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    of_pyenv = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for command in filter(None, [shutil.which(f"python{version}"), *map(str, of_pyenv)]):
        if subprocess.run([command, "-c", ""], capture_output=True, check=False).returncode == 0:
            return command
    return None


def interpreter(version: str) -> str:
    """Return a command that runs this version; without one, skip the test, or fail it if the version is required."""
    return find_interpreter(version) or missing(f"python{version}", "install it, or put it on the PATH")
