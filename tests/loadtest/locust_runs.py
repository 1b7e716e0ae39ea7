"""Locust with the lab's scenario, as a user starts it, to its end."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
Ended = subprocess.CompletedProcess[str]


def locust(*options: str, file: str = "loadtest/locustfile.py", **environment: str) -> Ended:
    """Run it without its web UI."""
    command = [sys.executable, "-m", "locust", "-f", file, "--headless", "--only-summary", *options]
    how = {"cwd": ROOT, "env": {**os.environ, **environment}, "capture_output": True, "text": True}
    return subprocess.run(command, check=False, timeout=PATIENCE_S, **how)  # type: ignore[call-overload,no-any-return]


def sent(ended: Ended) -> dict[str, tuple[int, int]]:
    """Requests and failures by name, from what Locust prints with --json; before it, workers print empty lists."""
    entries = json.loads(ended.stdout[ended.stdout.index("[\n    {") :])
    return {entry["name"]: (entry["num_requests"], entry["num_failures"]) for entry in entries}
