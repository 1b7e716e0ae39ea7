"""A run as it lies on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sadpath.verdict.judge import Outcome, Verdict
from sadpath.verdict.samples import Sample, read_samples
from sadpath.verdict.sampling import judge_samples

SAMPLES = "samples.csv"
ENVIRONMENT = "environment.json"
ABOUT = "about.txt"


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk: its samples, the environment of what was measured, and what was decided.

    `about` says in a line or two what was measured, empty where nobody said.
    """

    samples: list[Sample]
    environment: dict[str, str]
    verdicts: dict[str, Verdict]
    about: str = ""

    @property
    def outcome(self) -> Outcome:
        """One word for the run: it leaks if an arm does, and is flat only if all are."""
        outcomes = {verdict.outcome for verdict in self.verdicts.values()}
        if "leaks" in outcomes:
            return "leaks"
        return "flat" if outcomes == {"flat"} else "inconclusive"

    @property
    def headline(self) -> str:
        """What was decided, for a title: `reused leaks, factory is flat`."""
        words = {"leaks": "leaks", "flat": "is flat", "inconclusive": "is inconclusive"}
        return ", ".join(f"{arm} {words[verdict.outcome]}" for arm, verdict in self.verdicts.items())

    @property
    def versions(self) -> str:
        """What it was measured with, for a title: `Python 3.13.1, Starlette 1.10.0`; empty where that is not known."""
        return versions_in_words(self.environment)


def versions_in_words(environment: Mapping[str, object]) -> str:
    """Return the versions that an environment names, for a title; those that it does not name are left out."""
    names = {"python": "Python", "starlette": "Starlette", "fastapi": "FastAPI"}
    return ", ".join(f"{name} {environment[key]}" for key, name in names.items() if environment.get(key))


def read_run(folder: Path) -> Run:
    """Read and judge what a run left in `folder`, whole or cut off. Raises `FileNotFoundError` without samples."""
    samples = read_samples(folder / SAMPLES)
    return Run(samples, _environment(folder / ENVIRONMENT), judge_samples(samples), _about(folder / ABOUT))


def _environment(path: Path) -> dict[str, str]:
    """Read the versions; none where the services did not say, or a kill cut the file off."""
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _about(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""
