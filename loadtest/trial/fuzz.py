"""Odd requests to an arm, as its OpenAPI description allows and forbids them: each answer has to be described there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from loadtest.ports import free_port
from loadtest.server import running, service
from loadtest.trial.marked import Mark
from loadtest.trial.rows import Plan, Result, Results, Trial, result
from loadtest.trial.short_demo import ROOT, environment, last_line

RUNNER = ("-m", "loadtest.trial.fuzz_runner")
MEMORY_LIMIT_MB = "1536"
"""For the machine's sake; what the requests retain is released long before."""


def fuzz(plan: Plan) -> Results:
    """Send the requests from a process of its own; each line that it prints is a result."""
    arm, sent = service("fuzzed", plan.folder, free_port(), LAB_MEMORY_LIMIT_MB=MEMORY_LIMIT_MB), 0
    with running(arm), runner(arm.url, plan) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        for line in process.stdout:
            batch = outcome(line)
            sent += batch.tried
            yield batch
        process.wait()
    if sent < plan.requests:
        reason = last_line((plan.folder / "runner.log").read_text(errors="replace")) or arm.last_line()
        yield result("the requests", [f"ended after {sent:,} of {plan.requests:,}: {reason}"])


def outcome(line: str) -> Result:
    """Return the result of a batch of requests; its figure is the number of server errors."""
    batch = json.loads(line)
    failed = batch["undeclared"] + batch["errors"]
    return Result("odd requests", batch["example"], batch["errors"], batch["tried"], failed)


@contextmanager
def runner(url: str, plan: Plan) -> Iterator[subprocess.Popen[str]]:
    """Run the process that sends, in a folder of its own for what hypothesis leaves; it ends with the block."""
    mark = Mark()
    with (plan.folder / "runner.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *RUNNER, url, str(plan.requests), str(plan.seed)],
            cwd=ROOT,
            env=environment(mark, HYPOTHESIS_STORAGE_DIRECTORY=str(plan.folder / "hypothesis")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            mark.end()


def worst(results: Sequence[Result]) -> str:
    """Return how many answers were not as described, and how many were errors of the server."""
    errors = sum(int(one.figure) for one in results)
    return f"{sum(one.failed for one in results) - errors} undeclared answers, {errors} server errors"


TRIAL = Trial("fuzz", fuzz, worst, needs="schemathesis")
