"""The Pythons that everything is tested on: the classifiers of pyproject.toml, and older ones that the probe runs on.

A new Python is a line there: the tests, CI, the truth table and the matrix follow. Standard library only, since CI asks
before anything is installed: `python -m experiments.pythons` prints those of the lab, `… probe` those of the probe.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

_PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")

LAB: tuple[str, ...] = tuple(
    match[1] for line in _PROJECT["project"]["classifiers"] if (match := _CLASSIFIER.fullmatch(line))
)
"""What the lab and the instrument run on, the oldest first."""

PROBE: tuple[str, ...] = (*_PROJECT["tool"]["sadpath"]["older-pythons-of-the-probe"], *LAB)
"""What the probe runs on, in other people's processes."""

NEWEST = LAB[-1]


def main(arguments: list[str]) -> str:
    """Return the versions, with spaces between them; with `--json` as a list of JSON."""
    versions = PROBE if "probe" in arguments else LAB
    return json.dumps(versions) if "--json" in arguments else " ".join(versions)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
