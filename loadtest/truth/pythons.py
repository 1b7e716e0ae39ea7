"""The Pythons that are here: one of each minor version, found by running them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
ASK_TIMEOUT_S = 20.0
QUESTION = "import platform; print(platform.python_implementation(), platform.python_version())"


class Unusable(Exception):  # noqa: N818 - for the person at the terminal
    """An interpreter that was asked for cannot be used; the message says why, in one line."""


@dataclass(frozen=True)
class Python:
    """An interpreter and its version, as in 3.12.1."""

    executable: str
    version: str

    @property
    def minor(self) -> str:
        """The version without the patch: 3.12."""
        return ".".join(self.version.split(".")[:2])


def chosen_pythons(names: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[Python]:
    """Return the interpreters of these names or paths; without names all that are found, the oldest first.

    A name like `python3.12` is looked for as without names: what stands first on the PATH may not run. Raises
    `Unusable`.
    """
    if not names:
        if found := found_pythons(environ):
            return found
        raise Unusable(f"there is no Python {SUPPORTED[0]} to {SUPPORTED[-1]} here; name one: make truth PYTHONS=…")
    chosen = [_chosen(name, environ) for name in names]
    if len({python.minor for python in chosen}) < len(chosen):
        raise Unusable(f"two of {', '.join(names)} are the same minor version; name one of each")
    return chosen


def found_pythons(environ: Mapping[str, str] = os.environ) -> list[Python]:
    """Return one interpreter that works for each supported minor version; the running one goes before others."""
    found: dict[str, Python] = {}
    for candidate in [sys.executable, *(path for minor in SUPPORTED for path in _candidates(minor, environ))]:
        python = ask(candidate) if _minor_in(candidate) not in found else None
        if python and python.minor in SUPPORTED:
            found.setdefault(python.minor, python)
    return sorted(found.values(), key=lambda python: SUPPORTED.index(python.minor))


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
    if minor in SUPPORTED:
        running = ask(sys.executable)
        candidates = [sys.executable] * bool(running and running.minor == minor) + list(_candidates(minor, environ))
    python = next(filter(None, map(ask, candidates)), None)
    if python is None:
        raise Unusable(f"{name} is no Python that runs here; name another with PYTHONS or --python")
    if python.minor not in SUPPORTED:
        raise Unusable(f"{name} is Python {python.version}; the service is measured on {', '.join(SUPPORTED)}")
    return python


def _candidates(minor: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where an interpreter of this minor version may be: on the PATH, then among pyenv's, the newest first."""
    name = f"python{minor}"
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        if path := shutil.which(name, path=folder or os.curdir):
            yield path
    root = environ.get("PYENV_ROOT") or Path(environ.get("HOME") or Path.home(), ".pyenv")
    yield from map(str, sorted(Path(root).glob(f"versions/{minor}.*/bin/{name}"), key=_patch, reverse=True))


def _patch(path: Path) -> int:
    patch = path.parents[1].name.split(".")[-1]
    return int(patch) if patch.isdecimal() else -1


def _minor_in(candidate: str) -> str:
    return Path(candidate).name.removeprefix("python")
