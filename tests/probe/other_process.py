"""A Python with a small heap, in which the probe's functions are called: a walk through pytest's own takes seconds."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

ROOT = Path(__file__).parents[2]

CALLS = """
import json, sys
from importlib import import_module

for line in sys.stdin:
    name, arguments = json.loads(line)
    module, _, function = name.rpartition(".")
    print(json.dumps(getattr(import_module(module), function)(*arguments)), flush=True)
"""

Call = Callable[..., Any]
"""Takes the dotted name of a function, and arguments that JSON can carry; returns what the function returns."""


@contextmanager
def other_process(python: str = sys.executable) -> Iterator[Call]:
    """Start it. What a function raises ends it, and stands on our standard error."""
    command = [python, "-c", CALLS]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def call(name: str, *arguments: Any) -> Any:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps([name, arguments]) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, f"{name} raised"
            return json.loads(answer)

        yield call
