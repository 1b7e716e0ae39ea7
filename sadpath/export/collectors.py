"""Prometheus collectors for what the standard ones leave out: traceback entries, GC pauses, anonymous memory.

    from sadpath.export.collectors import Census, install

    registry = CollectorRegistry()
    install(registry, Census(lambda: {"user_not_found": Errors.user_not_found}))

Each collector is registered by the caller, never at import.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from sadpath.export.pauses import BOUNDS, PauseRecorder
from sadpath.probe.census import Census, is_supported
from sadpath.probe.heap import LiveExceptionCounter
from sadpath.probe.memory import PROC, Memory, memory_limit, read_memory

__all__ = ["Census", "install"]


class CensusCollector(Collector):
    """What each followed exception object retains. A scrape costs what was raised since the last one, no more."""

    def __init__(self, census: Census, live: LiveExceptionCounter) -> None:
        self._census = census
        self._live = live

    def collect(self) -> Iterator[Metric]:
        """Look at every followed exception."""
        here = "" if is_supported() else " Not supported here: threads run without the GIL."
        entries = GaugeMetricFamily(
            "sadpath_traceback_entries", f"Entries in the traceback of one exception object.{here}", labels=["error"]
        )
        frames = GaugeMetricFamily(
            "sadpath_retained_frames", "Frames that the traceback of one exception object retains.", labels=["error"]
        )
        estimate = GaugeMetricFamily(
            "sadpath_retained_bytes", "Bytes that those frames retain, estimated from a sample.", labels=["error"]
        )
        for name, look in self._census.looks().items():
            entries.add_metric([name], look.entries)
            frames.add_metric([name], look.frames)
            estimate.add_metric([name], look.estimated_bytes)
        yield from (entries, frames, estimate)
        yield GaugeMetricFamily(
            "sadpath_live_exceptions", "Exception objects alive when they were last counted.", value=self._live.count
        )


class PauseCollector(Collector):
    """How long the process was paused in GC."""

    def __init__(self, recorder: PauseRecorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[Metric]:
        """Publish the recorder's histogram."""
        family = HistogramMetricFamily(
            "sadpath_gc_pause_seconds", "Pauses of the process in GC.", labels=["generation"]
        )
        bounds = [*map(str, BOUNDS), "+Inf"]
        for generation, pauses in self._recorder.generations.items():
            buckets = list(zip(bounds, accumulate(pauses.buckets), strict=True))
            family.add_metric([str(generation)], buckets, pauses.seconds)
        yield family


class MemoryCollector(Collector):
    """Anonymous memory and the memory limit; without `/proc`, the standard figures instead of anonymous memory."""

    def __init__(self, limit_bytes: int | None = None, proc: Path = PROC) -> None:
        self._limit_bytes = limit_bytes
        self._proc = proc

    def collect(self) -> Iterator[Metric]:
        """Read the memory now."""
        if memory := read_memory(self._proc):
            yield GaugeMetricFamily(
                "sadpath_anonymous_memory_bytes", "Anonymous memory of this process, in bytes.", value=memory.anonymous
            )
        if self._limit_bytes:
            yield GaugeMetricFamily(
                "sadpath_memory_limit_bytes", "Resident memory at which this process is ended.", value=self._limit_bytes
            )
        if not self._proc.exists():
            process = psutil.Process()
            yield GaugeMetricFamily(
                "process_resident_memory_bytes", "Resident memory size in bytes.", value=process.memory_info().rss
            )
            yield GaugeMetricFamily(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
                value=process.create_time(),
            )


class EnvironmentCollector(Collector):
    """The versions that every figure depends on."""

    def __init__(self) -> None:
        self._environment = environment()

    def collect(self) -> Iterator[Metric]:
        """Publish them as labels."""
        yield InfoMetricFamily("sadpath_environment", "What the measured process runs on.", value=self._environment)


def process_memory() -> Memory:
    """Read this process's memory; where there is no `/proc`, the unique set size stands for anonymous memory.

    That is near enough for a page that people look at, but nothing to judge by, so it is not published.
    """
    memory = read_memory()
    if memory is None:
        info = psutil.Process().memory_full_info()
        memory = Memory(info.rss, info.uss)
    return memory


def environment() -> dict[str, str]:
    """Return the versions of Python, Starlette and FastAPI (empty where not installed) and the platform."""
    return {
        "python": platform.python_version(),
        "starlette": _version("starlette"),
        "fastapi": _version("fastapi"),
        "platform": platform.platform(),
    }


def install(registry: CollectorRegistry, census: Census, limit_bytes: int | None = None) -> Callable[[], None]:
    """Register all collectors of this module and begin to record; return the function that takes them out again.

    `limit_bytes` is the memory limit of this process; by default that of its container.
    """
    live, recorder = LiveExceptionCounter(), PauseRecorder()
    collectors = (
        CensusCollector(census, live),
        PauseCollector(recorder),
        MemoryCollector(limit_bytes or memory_limit()),
        EnvironmentCollector(),
    )
    with ExitStack() as undo:
        recorder.install()  # first, so that a pause ends before the counter begins to count
        undo.callback(recorder.remove)
        live.install()
        undo.callback(live.remove)
        for collector in collectors:
            registry.register(collector)
            undo.callback(registry.unregister, collector)
        return undo.pop_all().close


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
