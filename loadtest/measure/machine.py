"""The machine that is measured on: its versions, and the memory that a measurement may take."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import psutil

from sadpath.export.collectors import environment
from sadpath.probe.memory import memory_limit


def describe_machine() -> dict[str, object]:
    """Return the versions and the machine that figures depend on."""
    return {**environment(), "locust": version("locust"), "cpus": os.cpu_count()}


def machine_in_words() -> str:
    """Return the system and the processor, as in `Linux x86_64`."""
    return f"{platform.system()} {platform.machine()}"


def free_bytes() -> int:
    """Return the memory that a new process can have: the machine's, or less where a container limits us."""
    available = int(psutil.virtual_memory().available)
    limit = memory_limit()
    return available if limit is None else min(available, limit - psutil.Process().memory_info().rss)
