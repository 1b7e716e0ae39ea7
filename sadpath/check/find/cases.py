"""Have requests made from an OpenAPI description, by a process of its own."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sadpath.check.driver import Request
from sadpath.check.find.description import listed
from sadpath.check.find.schema import Schema

MOST_CPU_S = 60
"""CPU time of the process that makes requests."""

MAKES_CASES_WITHIN_S = 300.0
"""It waits for nothing, but other processes may keep it waiting."""

SERVERS = {"servers", "host", "basePath", "schemes"}
"""What a description says about where its service is. We know that better."""


@dataclass(frozen=True)
class Case:
    """A request that was made from an operation; `valid` is whether the description allows it."""

    method: str
    template: str
    request: Request
    valid: bool


def cases(schema: Schema, most_cpu_s: int = MOST_CPU_S) -> tuple[list[Case], list[str]]:
    """Return requests for each operation, the same each time, and notes on what was left out.

    What was made within `most_cpu_s` seconds of CPU time counts; a note says what was not.
    """
    task = case_task(schema)
    if not task["wanted"]:
        return [], []
    printed, ended = _printed([str(os.getpid()), str(most_cpu_s)], json.dumps(task).encode())
    found = [one for one in map(_line, printed.splitlines()) if one]
    made = [_case(one, schema.prefix) for one in found if "path" in one]
    notes = [note for one in found for note in one.get("notes", ())]
    if ended:
        notes.append(f"making requests from {schema.where} {ended}{_without(task['wanted'], found)}")
    return made, notes


def case_task(schema: Schema) -> dict[str, Any]:
    """Return what the process that makes requests is told."""
    return {
        "description": {name: value for name, value in schema.content.items() if name not in SERVERS},
        "wanted": [(method, template.removeprefix(schema.prefix)) for method, template, _ in schema.operations()],
    }


def _without(wanted: Sequence[tuple[str, str]], found: Sequence[Mapping[str, Any]]) -> str:
    """Return which operations had no requests made."""
    made = {(one["method"], one["template"]) for one in found if "path" in one}
    left = [" ".join(one) for one in wanted if one not in made]
    return f"; none were made for {len(left):,} operations: {listed(left)}" if left else ""


def _printed(arguments: Sequence[str], content: bytes) -> tuple[bytes, str]:
    """Return what the process that makes requests printed, and why it did not come to its end; empty if it did."""
    command = [sys.executable, "-P", "-W", "ignore", "-m", "sadpath.check.find.schema_cases", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own
            command, input=content, capture_output=True, timeout=MAKES_CASES_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        return late.stdout or b"", f"took more than {MAKES_CASES_WITHIN_S:.0f} s"
    if not done.returncode:
        return done.stdout, ""
    if done.returncode == -signal.SIGXCPU:
        return done.stdout, "took more CPU time than it may"
    last = (done.stderr.decode(errors="replace").splitlines() or ["?"])[-1][:200]
    return done.stdout, f"ended with status {done.returncode} ({last!r})"


def _line(line: bytes) -> Mapping[str, Any]:
    """Return a line that was printed; empty for one that was cut."""
    try:
        one = json.loads(line)
    except ValueError:
        return {}
    return one if isinstance(one, dict) else {}


def _case(one: Mapping[str, Any], prefix: str) -> Case:
    request = Request(
        one["method"],
        quote(prefix, safe="/%:@!$&'()*+,;=-._~") + one["path"],
        one["headers"],
        base64.b64decode(one["body"]),
    )
    return Case(one["method"], prefix + one["template"], request, one["valid"])
