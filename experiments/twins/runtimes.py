"""What the twins are measured on: each installed Python, found by running it, with two Starlettes, installed for it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from experiments.measurement import wrong_command
from experiments.pythons import LAB, NEWEST
from loadtest.server import run_to_its_end
from sadpath.errors import CommandError

Version = tuple[int, ...]


def _numbers(version: str) -> Version:
    return tuple(map(int, version.split(".")))


def dotted(version: Version) -> str:
    """Return a version as people write it: 3.11."""
    return ".".join(map(str, version))


OLDEST, NEWEST_KNOWN = _numbers(LAB[0]), _numbers(NEWEST)
"""What the service runs on, and the newest Python that the twins' expectations were verified on."""

OLD_STARLETTE = "1.9.0"
"""The last Starlette that does not clear the traceback of what its handlers have handled."""

LOCK = Path("requirements/service.txt")
DONE = ".installed"
"""The file in an environment that records what was installed: without it, the environment is incomplete."""

PIP = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
ASK_TIMEOUT_S = 20.0
QUESTION = "import platform; print(platform.python_implementation(), platform.python_version())"

TwinOption = Annotated[
    list[str] | None, typer.Option("--twin", envvar="TWIN", help="Only this twin; may repeat.", metavar="SLUG")
]
PythonOption = Annotated[
    list[str] | None,
    typer.Option("--python", envvar="PYTHONS", help="Only on this Python: a name or a path.", metavar="PYTHON"),
]
StarletteOption = Annotated[
    list[str] | None, typer.Option("--starlette", help="Only on this version.", metavar="VERSION")
]
EnvironmentsOption = Annotated[Path, typer.Option("--environments", help="Folder for the environment of each Python.")]
ENVIRONMENTS = Path(".venv/truth")


@dataclass(frozen=True)
class Python:
    """An interpreter and its version, as in 3.12.1."""

    executable: str
    version: str

    @property
    def minor(self) -> str:
        """The version without the patch: 3.12."""
        return dotted(self.numbers)

    @property
    def numbers(self) -> Version:
        """The same for comparisons."""
        return _numbers(self.version.rpartition(".")[0])


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

    def variables(self, memory_limit_mb: int) -> dict[str, str]:
        """Return the environment of a measured process: nothing but the service, which ends itself at its limit."""
        overlay = str(self.overlay.resolve()) if self.overlay else ""
        return {"PYTHONPATH": overlay, "LAB_METRICS": "none", "LAB_MEMORY_LIMIT_MB": str(memory_limit_mb)}


def this_runtime() -> Runtime:
    """Return the running interpreter with the locked Starlette."""
    return Runtime(platform.python_version(), locked_starlette(), sys.executable)


def chosen_pythons(names: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[Python]:
    """Return the interpreters of these names or paths; without names all that are found, the oldest first.

    A name like `python3.12` is looked for as without names: what stands first on the PATH may not run. Raises
    `CommandError`.
    """
    if not names:
        if found := found_pythons(environ):
            return found
        raise wrong_command(f"no Python {dotted(OLDEST)} or later found; name one: make truth PYTHONS=…")
    chosen = [_chosen(name, environ) for name in names]
    if len({python.minor for python in chosen}) < len(chosen):
        raise wrong_command(f"two of {', '.join(names)} are the same minor version; name one of each")
    return chosen


def found_pythons(environ: Mapping[str, str] = os.environ) -> list[Python]:
    """Return one interpreter that works for each minor version from `OLDEST` on; the running one goes before others."""
    found: dict[str, Python] = {}
    for candidate in [sys.executable, *_candidates(environ)]:
        python = ask(candidate) if _minor_in(candidate) not in found else None
        if python and python.numbers >= OLDEST:
            found.setdefault(python.minor, python)
    return sorted(found.values(), key=lambda python: python.numbers)


def ask(executable: str) -> Python | None:
    """Return the interpreter with its version, None if it does not run or is no CPython. Runs it."""
    try:
        answer = subprocess.run(  # noqa: S603 - an interpreter of this machine
            [executable, "-I", "-c", QUESTION], capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    kind, _, version = answer.stdout.strip().partition(" ")
    return Python(executable, version) if kind == "CPython" else None


def _chosen(name: str, environ: Mapping[str, str]) -> Python:
    minor = name.removeprefix("python")
    candidates = [path] if (path := shutil.which(name, path=environ.get("PATH"))) else []
    if re.fullmatch(r"3\.\d+", minor):
        candidates = [sys.executable] * (minor == dotted(sys.version_info[:2]))
        candidates += [path for path in _candidates(environ) if _minor_in(path) == minor]
    python = next(filter(None, map(ask, candidates)), None)
    if python is None:
        raise wrong_command(f"{name} is not a CPython that runs here; name another with PYTHONS or --python")
    if python.numbers < OLDEST:
        raise wrong_command(f"{name} is Python {python.version}; the service needs {dotted(OLDEST)} or later")
    return python


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where interpreters may be: on the PATH, then among pyenv's, the newest patch first.

    They are named like python3.12, as python3.12-config is not.
    """
    on_path = (Path(folder or os.curdir) for folder in environ.get("PATH", os.defpath).split(os.pathsep))
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME") or Path.home(), ".pyenv"))
    paths = [path for folder in on_path for path in folder.glob("python3.*") if shutil.which(path)]
    paths += sorted(root.glob("versions/3.*/bin/python3.*"), key=_patch, reverse=True)
    return (str(path) for path in paths if re.fullmatch(r"python3\.\d+", path.name))


def _patch(path: Path) -> int:
    patch = path.parents[1].name.split(".")[-1]
    return int(patch) if patch.isdecimal() else -1


def _minor_in(candidate: str) -> str:
    return Path(candidate).name.removeprefix("python")


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
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        done, wanted = home / DONE, f"{python.executable} {python.version} {digest}\n"
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
