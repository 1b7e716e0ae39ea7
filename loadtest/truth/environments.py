"""What the service is installed into: a virtual environment for each Python, and the other Starlette beside it."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.server import run_to_its_end
from loadtest.truth.pythons import Python
from sadpath.errors import CommandError

OLD_STARLETTE = "1.9.0"
"""The last Starlette that does not clear the traceback of what its handlers have handled."""

LOCK = Path("requirements/service.txt")
DONE = ".installed"
"""The file in an environment that records what was installed: without it, the environment is incomplete."""

PIP = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


@dataclass(frozen=True)
class Runtime:
    """What a row is measured on. `python` and `starlette` are versions, `executable` is what runs the service.

    `overlay` is a folder whose packages come before those of the environment. `problem` is why this one cannot be
    used, in one line.
    """

    python: str
    starlette: str
    executable: str
    overlay: Path | None = None
    problem: str = ""
    app: str = "service.app:app"

    @property
    def name(self) -> str:
        """Both versions in words."""
        return f"Python {self.python}, Starlette {self.starlette}"


@dataclass(frozen=True)
class Environments:
    """The environments below `folder`, created when they are asked for, and reused while the lock stays as it is."""

    folder: Path
    progress: Callable[[str], None]
    lock: Path = LOCK

    def runtimes(self, python: Python, starlettes: Sequence[str]) -> list[Runtime]:
        """Return what is measured on one Python, with what is missing installed; what cannot be has a `problem`."""
        return [self._runtime(python, starlette) for starlette in starlettes]

    def _runtime(self, python: Python, starlette: str) -> Runtime:
        try:
            executable = self._executable(python)
            overlay = self._overlay(starlette) if starlette != locked_starlette(self.lock) else None
        except CommandError as reason:
            return Runtime(python.version, starlette, "", problem=str(reason))
        return Runtime(python.version, starlette, executable, overlay)

    def _executable(self, python: Python) -> str:
        """Return what runs the service: the running interpreter, which has all that is needed, or an environment's."""
        if python.executable == sys.executable:
            return python.executable
        home = self.folder / python.minor
        executable = str((home / "bin" / "python").absolute())
        wanted = f"{python.executable} {python.version} {_digest(self.lock)}\n"
        done = home / DONE
        if done.exists() and done.read_text() == wanted:
            return executable
        self.progress(f"Installing {self.lock} for Python {python.version} into {home} …")
        shutil.rmtree(home, ignore_errors=True)
        self._run(f"no environment for Python {python.version}", [python.executable, "-m", "venv", str(home)])
        install = [executable, *PIP, "--require-hashes", "-r", str(self.lock)]
        self._run(f"the install for Python {python.version} failed", install)
        done.write_text(wanted)
        return executable

    def _overlay(self, starlette: str) -> Path:
        """Return the folder of another Starlette. It lies beside the environments, since no lock may hold two."""
        home = self.folder / f"starlette-{starlette}"
        if home.exists():
            return home
        part = home.with_name(f"{home.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        self.progress(f"Installing Starlette {starlette} into {home} …")
        install = [sys.executable, *PIP, "--no-deps", "--target", str(part), f"starlette=={starlette}"]
        self._run(f"the install of Starlette {starlette} failed", install)
        return part.rename(home)

    def _run(self, failure: str, command: Sequence[str]) -> None:
        """Run a command to its end. Raises `CommandError` with the last line of its output if it fails."""
        self.folder.mkdir(parents=True, exist_ok=True)
        status, last_line = run_to_its_end(command, self.folder / "install.log")
        if status:
            raise CommandError(f"{failure}: {last_line}")


def locked_starlette(lock: Path = LOCK) -> str:
    """Return the version of Starlette in the lock. Raises `CommandError` if it has none."""
    found = re.search(r"^starlette==([^\s;\\]+)", lock.read_text(), re.MULTILINE)
    if found is None:
        raise CommandError(f"{lock} does not contain Starlette")
    return found[1]


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()
