"""How many error paths of a large service `sadpath check` decides in a minute."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.compare.ratios import Bench, BenchMeasurement, BenchRow, compare
from loadtest.ports import free_port
from sadpath.errors import CommandError

SERVICE = Path(__file__).parents[2] / "tests" / "check"
"""Where `large_api` is, which the tests measure too."""

BUDGET_S = 60.0
WITHIN_S = 600.0
LEAKS = 1


def _large_service(bench: Bench) -> Iterator[BenchRow]:
    """Check it anew each time: what it decided, against what there is to decide."""
    checks = []
    for turn in range(bench.effort.checks):
        bench.say(f"a check of {BUDGET_S:g} s of a service with 200 error paths, {turn + 1} of {bench.effort.checks}")
        checks.append(_check(bench.folder / f"large-{turn}.json"))
    decided, paths, seconds = zip(*checks, strict=True)
    yield compare(
        "large service", decided, paths, paths_decided=list(decided), decided_per_second=sum(decided) / sum(seconds)
    )


def _check(file: Path) -> tuple[int, int, float]:
    """Return how many paths were decided, how many there are, and the seconds that it took to measure them."""
    server = [sys.executable, "-m", "uvicorn", "large_api:app", "--port", str(free_port()), "--no-access-log"]
    options = ["--budget", f"{BUDGET_S:g}", "--json", str(file)]
    command = [sys.executable, "-m", "sadpath", "check", *options, "--", *server]
    began = time.monotonic()
    done = subprocess.run(command, cwd=SERVICE, capture_output=True, timeout=WITHIN_S, check=False)  # noqa: S603
    if done.returncode != LEAKS:
        last = (done.stderr.decode(errors="replace").splitlines() or ["nothing"])[-1]
        raise CommandError(f"the check ended with status {done.returncode}, and said: {last}")
    paths: list[Mapping[str, Any]] = json.loads(file.read_text())["paths"]
    return sum(one["verdict"] != "inconclusive" for one in paths), len(paths), time.monotonic() - began


MEASUREMENTS = (BenchMeasurement(["large service"], _large_service),)
