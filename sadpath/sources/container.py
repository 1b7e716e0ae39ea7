"""A container of the Docker engine as a source of memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sadpath.sources import Reading, Unreadable

if TYPE_CHECKING:
    from docker.models.containers import Container as EngineContainer

__all__ = ["Container", "ContainerState"]


@dataclass(frozen=True)
class ContainerState:
    """The state of a container. `restarts` are those of its restart policy.

    `killed_for_memory` is whether the engine remembers that the kernel killed it at its limit, in this lifetime or an
    earlier one. It forgets after some hundred events, so ask now and then.
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

    def __str__(self) -> str:
        return f"container {self.name}"

    def read(self) -> Reading:
        """Read the memory of all its processes together; this takes the engine about a second. Raises `Unreadable`.

        Resident memory is what `docker stats` shows: all but the files that the kernel can drop. Anonymous memory is
        not backed by a file; it holds the objects.
        """
        with _container(self.name, self.timeout_s) as container:
            if container.status != "running":
                raise Unreadable(f"container {self.name} is {container.status}, not running{_why(container)}")
            stats = container.stats(stream=False, one_shot=True)
            assert isinstance(stats, dict)  # noqa: S101 - what it is where nothing is streamed
            memory = stats["memory_stats"]
            if "usage" not in memory:
                raise Unreadable(f"the Docker engine reports no memory for container {self.name}")
            counted = memory["stats"]  # version 1 of control groups has total_, version 2 does not
            return Reading(
                resident_bytes=memory["usage"] - counted.get("total_inactive_file", counted.get("inactive_file", 0)),
                anonymous_bytes=counted.get("total_rss", counted.get("anon")),
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
    """Yield a container; whatever the engine refuses, then or later, is one line."""
    try:
        import docker  # noqa: PLC0415 - the only source that needs it
    except ImportError as missing:
        raise Unreadable("docker's SDK is not installed; type pip install 'sadpath[docker]'") from missing
    try:
        with closing(docker.from_env(timeout=timeout_s)) as engine:
            yield engine.containers.get(name)
    except docker.errors.NotFound as missing:
        raise Unreadable(f"no container {name}; docker ps lists the running ones") from missing
    except (docker.errors.DockerException, OSError) as error:
        raise Unreadable(_engine_in_words(error)) from error


def _engine_in_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "Permission denied" in text:
        return "no permission to use the Docker engine; type sudo usermod -aG docker $USER and log in again"
    if "timed out" in text:
        return "the Docker engine does not answer in time"
    if "Connection" in text or "No such file" in text:
        return "no Docker engine answers; start it, or set DOCKER_HOST"
    return f"the Docker engine: {getattr(error, 'explanation', None) or text}"


def _was_killed_for_memory(container: EngineContainer) -> bool:
    """Whether it was, by its state or, since some engines forget that at a restart, by an event."""
    if container.attrs["State"]["OOMKilled"]:
        return True
    of_this = {"container": container.id, "event": "oom"}
    assert container.client is not None  # noqa: S101 - it came from an engine
    return any(True for _ in container.client.events(since=1, until=int(time.time()), filters=of_this, decode=True))


def _why(container: EngineContainer) -> str:
    limit_mib = container.attrs["HostConfig"]["Memory"] / 2**20
    return f": killed at its memory limit of {limit_mib:,.0f} MiB" if container.attrs["State"]["OOMKilled"] else ""
