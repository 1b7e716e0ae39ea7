"""Where memory figures come from: one interface, several sources.

A source reads now, or raises `Unreadable` with one line that says why. A reading that could not be had is a gap, and
never a zero.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError, URLError

import psutil
from prometheus_client import Metric, openmetrics, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

if TYPE_CHECKING:
    from docker.models.containers import Container as EngineContainer

MAX_PAGE_BYTES = 16 * 2**20


class Unreadable(Exception):  # noqa: N818 - a gap in the data is no error of the program
    """A source had no reading; the message says why, in one line."""


@dataclass(frozen=True)
class Reading:
    """What one process, or tree of processes, had at one moment. None where the source does not tell.

    `requests` and `collected_objects` count from the start of the process, which is what `start_time_s` (Unix time)
    tells apart: readings with another start time belong to another life, and are never joined.
    """

    resident_bytes: float
    unique_bytes: float | None = None
    limit_bytes: float | None = None
    start_time_s: float | None = None
    requests: float | None = None
    collected_objects: float | None = None
    traceback_entries: float | None = None
    pinned_frames: float | None = None

    @property
    def memory_bytes(self) -> float:
        """The best figure for what the process keeps: unique memory, or resident where that is all there is."""
        return self.resident_bytes if self.unique_bytes is None else self.unique_bytes


class Source(Protocol):
    """Anything that memory can be read from."""

    def read(self) -> Reading:
        """Read now. Raises `Unreadable`."""
        ...


@dataclass(frozen=True)
class MetricsPage:
    """A `/metrics` page in Prometheus's or the OpenMetrics format, of a service in any language."""

    url: str
    requests_metric: str = "http_requests_total"
    timeout_s: float = 2.0

    def read(self) -> Reading:
        """Fetch and parse the page. Raises `Unreadable` if it hangs, fails, is cut short or has no memory on it."""
        totals = _totals(_families(*_fetch(self.url, self.timeout_s)))
        if "process_resident_memory_bytes" not in totals:
            raise Unreadable("no process_resident_memory_bytes on the page")
        return Reading(
            resident_bytes=totals["process_resident_memory_bytes"],
            unique_bytes=totals.get("process_unique_memory_bytes"),
            limit_bytes=totals.get("process_memory_limit_bytes"),
            start_time_s=totals.get("process_start_time_seconds"),
            requests=totals.get(self.requests_metric),
            collected_objects=totals.get("python_gc_objects_collected_total"),
            traceback_entries=totals.get("sadpath_traceback_entries"),
            pinned_frames=totals.get("sadpath_pinned_frames"),
        )

    def environment(self) -> dict[str, str]:
        """Return the versions that the page names, or nothing if it names none. Raises `Unreadable`."""
        for family in _families(*_fetch(self.url, self.timeout_s)):
            for sample in family.samples:
                if sample.name == "sadpath_environment_info":
                    return dict(sample.labels)
        return {}


@dataclass(frozen=True)
class ProcessTree:
    """A process on this machine with all its descendants; memory summed, shared pages counted once for each."""

    pid: int

    def read(self) -> Reading:
        """Read every process of the tree. Raises `Unreadable` if the first is gone or not ours to read."""
        try:
            root = psutil.Process(self.pid)
            infos = [info for info in map(_memory_of, [root, *root.children(recursive=True)]) if info]
            if not infos:
                raise Unreadable(f"process {self.pid} is gone")
            return Reading(
                resident_bytes=sum(info.rss for info in infos),
                unique_bytes=sum(info.uss for info in infos),
                start_time_s=root.create_time(),
            )
        except psutil.NoSuchProcess as gone:
            raise Unreadable(f"process {self.pid} is gone") from gone
        except psutil.AccessDenied as denied:
            raise Unreadable(f"process {self.pid} belongs to another user") from denied


@dataclass(frozen=True)
class ContainerState:
    """What became of a container. `restarts` are those of its restart policy.

    `killed_for_memory` is whether the engine remembers that the kernel killed it at its limit, in this life or in one
    before. It forgets after some hundred events, so ask now and then.
    """

    running: bool
    restarts: int
    killed_for_memory: bool


@dataclass(frozen=True)
class Container:
    """A container of the Docker engine that `DOCKER_HOST` names, or of this machine's; by name or id.

    Needs docker's SDK: `pip install 'sadpath[docker]'`.
    """

    name: str
    timeout_s: int = 10

    def read(self) -> Reading:
        """Read the memory of all its processes together; this takes the engine about a second. Raises `Unreadable`.

        Resident is what `docker stats` shows: all but the files that the kernel can drop. Unique is what no file
        stands behind, which is where objects live.
        """
        with _container(self.name, self.timeout_s) as container:
            if container.status != "running":
                raise Unreadable(f"container {self.name} is not running but {container.status}{_why(container)}")
            stats = container.stats(stream=False, one_shot=True)
            assert isinstance(stats, dict)  # noqa: S101 - what it is where nothing is streamed
            memory = stats["memory_stats"]
            if "usage" not in memory:
                raise Unreadable(f"the engine counts no memory for container {self.name}")
            counted = memory["stats"]  # version 1 of control groups says total_, version 2 does not
            return Reading(
                resident_bytes=memory["usage"] - counted.get("total_inactive_file", counted.get("inactive_file", 0)),
                unique_bytes=counted.get("total_rss", counted.get("anon")),
                limit_bytes=container.attrs["HostConfig"]["Memory"] or None,
                start_time_s=datetime.fromisoformat(container.attrs["State"]["StartedAt"]).timestamp(),
            )

    def state(self) -> ContainerState:
        """Ask whether it runs, and whether it was killed. Raises `Unreadable`."""
        with _container(self.name, self.timeout_s) as container:
            return ContainerState(
                running=container.status == "running",
                restarts=container.attrs["RestartCount"],
                killed_for_memory=_was_killed_for_memory(container),
            )


@contextmanager
def _container(name: str, timeout_s: int) -> Iterator[EngineContainer]:
    """Yield a container; whatever the engine refuses, then or later, is one line in words."""
    try:
        import docker  # noqa: PLC0415 - the only source that needs it
    except ImportError as missing:
        raise Unreadable("docker's SDK is not installed; type pip install 'sadpath[docker]'") from missing
    try:
        with closing(docker.from_env(timeout=timeout_s)) as engine:
            yield engine.containers.get(name)
    except docker.errors.NotFound as missing:
        raise Unreadable(f"there is no container {name}; docker ps lists those that run") from missing
    except (docker.errors.DockerException, OSError) as error:
        raise Unreadable(_engine_in_words(error)) from error


def _engine_in_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "Permission denied" in text:
        return "the Docker engine does not let you in; type sudo usermod -aG docker $USER and log in again"
    if "timed out" in text:
        return "the Docker engine does not answer in time"
    if "Connection" in text or "No such file" in text:
        return "no Docker engine answers; start it, or set DOCKER_HOST"
    return f"the Docker engine: {getattr(error, 'explanation', None) or text}"


def _was_killed_for_memory(container: EngineContainer) -> bool:
    """Whether the state says so or, since some engines forget that at a restart, an event does."""
    if container.attrs["State"]["OOMKilled"]:
        return True
    of_this = {"container": container.id, "event": "oom"}
    assert container.client is not None  # noqa: S101 - it came from an engine
    return any(True for _ in container.client.events(since=1, until=int(time.time()), filters=of_this, decode=True))


def _why(container: EngineContainer) -> str:
    limit_mib = container.attrs["HostConfig"]["Memory"] / 2**20
    return f": killed for its memory, at {limit_mib:.0f} MiB" if container.attrs["State"]["OOMKilled"] else ""


def _memory_of(process: psutil.Process) -> Any | None:
    """Read one process of a tree; None for one that ended while the tree was being read."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.memory_full_info()
    except psutil.NoSuchProcess:
        return None


def _fetch(url: str, timeout_s: float) -> tuple[str, bool]:
    """Fetch a page: its text, and whether it is in the OpenMetrics format, whose last line proves that it is whole."""
    accept = f"{openmetrics.exposition.CONTENT_TYPE_LATEST},text/plain;version=0.0.4;q=0.5"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - the scheme was checked
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + timeout_s
    try:
        with opener.open(request, timeout=timeout_s) as response:
            text = _read_all(response, deadline).decode()
            return text, "openmetrics" in response.headers.get("Content-Type", "")
    except HTTPError as answer:
        answer.close()  # it holds a connection
        raise Unreadable(f"{url}: answered {answer.code}") from answer
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        raise Unreadable(f"{url}: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    strerror = reason.strerror if isinstance(reason, OSError) else None
    return strerror or " ".join(str(reason).split()) or type(reason).__name__


def _read_all(response: HTTPResponse, deadline: float) -> bytes:
    page = bytearray()
    while chunk := response.read1(65536):
        page += chunk
        if time.monotonic() > deadline:
            raise TimeoutError("timed out")
        if len(page) > MAX_PAGE_BYTES:
            raise OSError(f"the page is larger than {MAX_PAGE_BYTES} bytes")
    if response.length:
        raise IncompleteRead(bytes(page), response.length)
    return bytes(page)


def _families(text: str, is_openmetrics: bool) -> list[Metric]:  # noqa: FBT001 - as _fetch returns them
    if not is_openmetrics and not text.endswith("\n"):
        raise Unreadable("the page is cut short")
    parse = openmetrics_parser if is_openmetrics else parser
    try:
        return list(parse.text_string_to_metric_families(text))
    except Exception as error:
        raise Unreadable(f"the page does not parse: {' '.join(str(error).split())}") from error


def _totals(families: Iterable[Metric]) -> dict[str, float]:
    """Sum each series name over its labels."""
    totals: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals
