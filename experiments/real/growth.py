"""What a request to a service leaves behind, measured from outside: no probe, no collection, pages of memory alone.

It is another way than that of `sadpath check`, and slower: 20,000 requests to one path are answered in minutes.
"""

from __future__ import annotations

import http.client
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from experiments.real.services import Place
from loadtest.server import Server, running

REQUESTS = 20_000
WARM_UP = 2_000
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Repeated:
    """A request that is sent again and again; `{…}` in its path is another number each time."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@contextmanager
def started(place: Place) -> Iterator[Server]:
    """Run a service without a probe, in the folder that it was checked in. Raises `CommandError`."""
    command, *words = place.words(place.service.start)
    in_its_folder = ["-C", str(place.work), command, *words]
    server = Server(place.service.name, in_its_folder, place.home, place.port, place.variables, "env")
    with running(server):
        yield server


def bytes_per_request(place: Place, request: Repeated, count: int = REQUESTS) -> float:
    """Return by how much the service's resident memory grows with each request, after a warm-up of a tenth.

    Raises `CommandError` if the service does not start, and `OSError` or `HTTPException` if it does not answer.
    """
    with started(place) as server:
        _send(place.port, request, count // 10, 0)
        before = _resident(server.pid())
        _send(place.port, request, count, count)
        return (_resident(server.pid()) - before) / count


def _send(port: int, request: Repeated, count: int, first: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    numbers = itertools.count(first)
    for _ in range(count):
        path = re.sub(r"\{[^}]*\}", lambda _: str(next(numbers)), request.path)
        connection.request(request.method, path, request.body, dict(request.headers))
        connection.getresponse().read()
    connection.close()


def _resident(pid: int) -> int:
    """Return the resident memory of a process and of those below it, in bytes."""
    process = psutil.Process(pid)
    sizes = []
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            sizes.append(one.memory_info().rss)
    return sum(sizes)
