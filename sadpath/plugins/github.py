"""The GitHub action of action.yml: `sadpath check` with what its inputs say, which are in COMMAND, OPTIONS and REPORTS.

Quotes in them hold words together, as in a shell, and nothing else in them means anything: no variable, no pattern of
file names and no command is expanded.
"""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from sadpath import __main__ as sadpath
from sadpath.errors import CommandError, Status, exit_status

FILES = {"--json": "check.json", "--junit": "check.xml", "--html": "check.html"}


def arguments(given: Mapping[str, str]) -> list[str]:
    """Return what is typed after `sadpath`. Raises `CommandError`."""
    reports = Path(given["REPORTS"])
    written = [f"{option}={reports / name}" for option, name in FILES.items()]
    return ["check", *written, *_words("options", given["OPTIONS"]), "--", *_words("command", given["COMMAND"])]


def output(name: str, value: str) -> str:
    """Return an output of a step as the runner reads it: nobody can know the line that ends its value."""
    end = secrets.token_hex()
    return f"{name}<<{end}\n{value}\n{end}\n"


def _words(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CommandError(f"the input {name} cannot be split into words: {error}", Status.WRONG_COMMAND) from None


def _check() -> None:
    typed = arguments(os.environ)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(output("json", str(Path(os.environ["REPORTS"]) / FILES["--json"])))
    sys.argv[1:] = typed
    sadpath.main()


if __name__ == "__main__":
    sys.exit(exit_status("sadpath", _check))
