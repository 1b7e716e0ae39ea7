"""The installed Pythons: one of each minor version, found by running them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.measure.running import wrong_command

OLDEST, NEWEST_KNOWN = (3, 11), (3, 15)
"""What the service runs on, and the newest Python that the twins' expectations were verified on."""

ASK_TIMEOUT_S = 20.0
QUESTION = "import platform; print(platform.python_implementation(), platform.python_version())"


@dataclass(frozen=True)
class Python:
    """An interpreter and its version, as in 3.12.1."""

    executable: str
    version: str

    @property
    def minor(self) -> str:
        """The version without the patch: 3.12."""
        return ".".join(self.version.split(".")[:2])

    @property
    def is_too_old(self) -> bool:
        """Whether the service does not run on it."""
        return _numbers(self.minor) < OLDEST

    @property
    def is_newer_than_known(self) -> bool:
        """Whether the twins' expectations were never verified on it: its rows may disagree."""
        return _numbers(self.minor) > NEWEST_KNOWN


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
        if python and not python.is_too_old:
            found.setdefault(python.minor, python)
    return sorted(found.values(), key=lambda python: _numbers(python.minor))


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as people write it: 3.11."""
    return ".".join(map(str, version))


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
        running = ask(sys.executable)
        candidates = [sys.executable] * bool(running and running.minor == minor)
        candidates += [path for path in _candidates(environ) if _minor_in(path) == minor]
    python = next(filter(None, map(ask, candidates)), None)
    if python is None:
        raise wrong_command(f"{name} is not a CPython that runs here; name another with PYTHONS or --python")
    if python.is_too_old:
        raise wrong_command(f"{name} is Python {python.version}; the service needs {dotted(OLDEST)} or later")
    return python


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where interpreters may be: on the PATH, then among pyenv's, the newest patch first."""
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        yield from filter(shutil.which, _named_as_interpreters(Path(folder or os.curdir).glob("python3.*")))
    root = environ.get("PYENV_ROOT") or Path(environ.get("HOME") or Path.home(), ".pyenv")
    of_pyenv = sorted(Path(root).glob("versions/3.*/bin/python3.*"), key=_patch, reverse=True)
    yield from _named_as_interpreters(of_pyenv)


def _named_as_interpreters(paths: Iterable[Path]) -> Iterator[str]:
    """Yield those of the paths that are named like python3.12, as python3.12-config is not."""
    return (str(path) for path in paths if re.fullmatch(r"python3\.\d+", path.name))


def _patch(path: Path) -> int:
    patch = path.parents[1].name.split(".")[-1]
    return int(patch) if patch.isdecimal() else -1


def _minor_in(candidate: str) -> str:
    return Path(candidate).name.removeprefix("python")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
