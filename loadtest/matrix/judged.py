"""What `sadpath check` says of the variants of the twins, beside what is expected of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtest.catalogue import Twin, Variant
from loadtest.ports import free_port
from loadtest.truth.environments import Runtime
from sadpath.errors import CommandError
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, Outcome

NAMED = ("service.errors.", "service.twins.")
"""Where the objects of the lab are, so how each name has to begin."""

REUSED = "reused exception"


@dataclass(frozen=True)
class Judged:
    """One variant on one runtime: what was expected, what `sadpath check` found, and the object that it named."""

    runtime: str
    variant: str
    expected: Outcome
    found: Outcome
    kind: str = ""
    held_by: str = ""
    alone: bool = False

    @property
    def name(self) -> str:
        """What identifies it in the file."""
        return f"{self.variant} on {self.runtime}{', alone' if self.alone else ''}"

    @property
    def is_named(self) -> bool:
        """Whether a leak was put down to an object of the lab, by its name."""
        return self.held_by.removeprefix("lru_cache of ").startswith(NAMED)

    def as_json(self) -> dict[str, Any]:
        """Return the figures for the file."""
        return {**asdict(self), "named": self.is_named}


def http_variants(twins: Sequence[Twin]) -> list[tuple[str, Variant]]:
    """Return what can be checked, with its name: each variant that answers over HTTP and leaks, or does not.

    One that retains about as much as counts as a leak, such as a bare exception, may be called either.
    """
    variants = [(twin, one) for twin in twins if twin.protocol == "http" for one in twin.variants]
    return [(f"{twin.slug}/{one.slug}", one) for twin, one in variants if _expected(one)]


def _expected(variant: Variant) -> Outcome | None:
    low, high = variant.range_of("bytes_per_request")
    if low > FLAT_BELOW_EXACT:
        return "leaks"
    return "flat" if high < FLAT_BELOW_EXACT or low < 0 or low == high == 0 else None


def judge(runtime: Runtime, variants: Sequence[tuple[str, Variant]], folder: Path, *, budget_s: float) -> list[Judged]:
    """Check these variants as paths of one running lab. Raises `CommandError` if the check did not run."""
    file = folder / "check.json"
    file.unlink(missing_ok=True)
    requests = [word for _, one in variants for word in ("--request", f"GET {one.path}")]
    serve = [runtime.executable, "-m", "uvicorn", runtime.app, "--port", str(free_port()), "--no-access-log"]
    command = [sys.executable, "-m", "sadpath", "check", "--budget", str(budget_s), "--json", str(file), *requests]
    environment = {"PYTHONPATH": str(runtime.overlay.resolve()) if runtime.overlay else "", "LAB_METRICS": "none"}
    done = subprocess.run(  # noqa: S603 - our own
        [*command, "--", *serve],
        env={**os.environ, **environment, "LAB_MEMORY_LIMIT_MB": "4096"},
        capture_output=True,
        text=True,
        check=False,
    )
    if not file.exists():
        raise CommandError(f"{runtime.name}: {(done.stderr.splitlines() or ['no output'])[-1]}")
    found = {one["path"]: one for one in json.loads(file.read_text())["paths"]}
    return [_judged(name, one, found.get(one.path), runtime, alone=len(variants) == 1) for name, one in variants]


def _judged(name: str, variant: Variant, found: Any, runtime: Runtime, *, alone: bool) -> Judged:
    verdict: Outcome = found["verdict"] if found else "inconclusive"
    cause = (found or {}).get("cause") or {}
    expected: Outcome = "leaks" if variant.range_of("bytes_per_request")[0] > FLAT_BELOW_EXACT else "flat"
    return Judged(runtime.name, name, expected, verdict, cause.get("kind", ""), cause.get("held_by", ""), alone=alone)
