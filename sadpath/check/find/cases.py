"""Have requests made from an OpenAPI description, by a process of its own, while others are sent."""

from __future__ import annotations

import base64
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import quote

from sadpath.check.driver import Request
from sadpath.check.find.description import listed
from sadpath.check.find.schema import Schema

MAKES_CASES_WITHIN_S, USES_CASES_WITHIN_S = 60.0, 120.0
"""Where nobody says for how long."""

MORE_CPU_S = 10
"""CPU time above the time that it has, at which the process ends also where nobody is there to end it."""

SERVERS = {"servers", "host", "basePath", "schemes"}
"""What a description says about where its service is. We know that better."""


WITHOUT_BODIES = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"}
"""Methods of operations that rarely have one."""

NO_FOLDER = os.devnull + "/none"
"""Where nothing can be kept: Hypothesis would keep tables of characters in the user's folder."""


@dataclass(frozen=True)
class Case:
    """A request that was made from an operation; `valid` is whether the description allows it."""

    method: str
    template: str
    request: Request
    valid: bool


class Making:
    """Requests that are being made from the operations of a description, from now on and for so many seconds.

    It yields each as it comes, once, those of an operation in a row, until no more are made. What was made in time is
    not lost, unless a slow service takes more than `used_within_s` seconds for it. Then `left` are the operations that
    have none since a time was over, and `notes` what else there is to say.
    """

    def __init__(
        self, schema: Schema, within_s: float = MAKES_CASES_WITHIN_S, used_within_s: float = USES_CASES_WITHIN_S
    ) -> None:
        self.notes: list[str] = []
        self.left: list[tuple[str, str]] = []
        self.within_s = within_s
        self._schema, task = schema, case_task(schema)
        self.wanted: list[tuple[str, str]] = task["wanted"]
        self._until = time.monotonic() + used_within_s
        self._lines: SimpleQueue[bytes | str] = SimpleQueue()
        if self.wanted:
            threading.Thread(target=self._make, args=[json.dumps(task).encode()], daemon=True).start()
        else:
            self._lines.put("")

    def __iter__(self) -> Iterator[Case]:
        """Yield each request, those of an operation in a row."""
        tried: set[tuple[str, str]] = set()
        while isinstance(line := self._next(), bytes):
            one = _line(line)
            self.notes += one.get("notes", ())
            if "path" in one:
                tried.add((one["method"], one["template"]))
                yield _case(one, self._schema.prefix)
        untried = [one for one in self.wanted if one not in tried]
        if line == OVER:
            self.left = untried
        elif line:
            without = f"; none were made for {len(untried):,} operations: {listed([*map(' '.join, untried)])}"
            self.notes.append(f"making requests from {self._schema.where} {line}{without if untried else ''}")

    def _next(self) -> bytes | str:
        """Return the next line, or why there is none."""
        return self._lines.get() if time.monotonic() < self._until else OVER

    def _make(self, task: bytes) -> None:
        """Take the lines that a process prints, and then why it did not come to its end; empty if it did."""
        arguments = [str(os.getpid()), str(math.ceil(self.within_s) + MORE_CPU_S)]
        command = [sys.executable, "-P", "-W", "ignore", "-m", "sadpath.check.find.schema_cases", *arguments]
        with TemporaryFile() as told, TemporaryFile() as errors:
            told.write(task)
            told.seek(0)
            environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": NO_FOLDER}
            process = subprocess.Popen(  # noqa: S603 - our own
                command, stdin=told, stdout=subprocess.PIPE, stderr=errors, env=environment
            )
            end = threading.Timer(self.within_s, process.kill)
            end.daemon = True
            end.start()
            with process:
                for line in process.stdout or ():
                    self._lines.put(line)
            end.cancel()
            errors.seek(0)
            self._lines.put(_why(process.returncode, errors.read()))


OVER = "took longer than its time"


def _why(status: int, errors: bytes) -> str:
    """Return why the process that makes requests did not come to its end; empty if it did."""
    if status in (-signal.SIGKILL, -signal.SIGXCPU):
        return OVER
    last = (errors.decode(errors="replace").splitlines() or ["?"])[-1][:200]
    return f"ended with status {status} ({last!r})" if status else ""


def case_task(schema: Schema) -> dict[str, Any]:
    """Return what the process that makes requests is told: the operations with inputs, those with a body first."""
    operations = [(method, template) for method, template, one in schema.operations() if _has_inputs(template, one)]
    operations.sort(key=lambda one: one[0] in WITHOUT_BODIES)
    return {
        "description": {name: value for name, value in schema.content.items() if name not in SERVERS},
        "wanted": [(method, template.removeprefix(schema.prefix)) for method, template in operations],
    }


def _has_inputs(template: str, operation: Mapping[str, Any]) -> bool:
    return "{" in template or not operation.keys().isdisjoint({"parameters", "requestBody"})


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
