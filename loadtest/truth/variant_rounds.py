"""Measure one variant in a fresh process: a warm-up, then rounds of an exact number of requests, with readings."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import websocket

from loadtest import sessions
from loadtest.catalogue import Expected, Twin, Variant, read_catalogue
from loadtest.ports import free_port
from loadtest.server import Pool, Server, service
from loadtest.truth.environments import Runtime
from loadtest.truth.readings import Measured, RoundReading, measured
from loadtest.truth.requests import Answer, Connection, Send
from sadpath.errors import CommandError

ROUNDS = 9
WARM_UP_PART = 10
WARM_UP_REQUESTS = 80
"""The warm-up is a tenth of all requests, but eighty where that is at most a quarter: caches fill for so long."""

MEMORY_LIMIT_MB = "1024"
"""MiB at which a measured process ends itself: no twin needs a tenth of it."""

TIME_LIMIT_S = 90.0
"""After which a measurement is given up, between two rounds."""


def ask_for_catalogue(runtime: Runtime, pool: Pool, folder: Path) -> dict[str, Twin]:
    """Return the twins that the service has on this runtime. Raises `CommandError`."""
    with connected(pool, _service("catalogue", runtime, folder)) as connection:
        return _twins(connection)


def measure(twin: str, variant: str, runtime: Runtime, pool: Pool, folder: Path) -> tuple[Expected, Measured]:
    """Measure one variant in a fresh process; return what the service expects there too. Raises `CommandError`."""
    if runtime.problem:
        raise CommandError(runtime.problem)
    server = _service(f"{twin}-{variant}", runtime, folder)
    with connected(pool, server) as connection:
        return _measure(twin, variant, runtime, server, connection)


def _service(name: str, runtime: Runtime, folder: Path) -> Server:
    """Return the service on this runtime, not yet started."""
    environment = {"LAB_METRICS": "none", "LAB_MEMORY_LIMIT_MB": MEMORY_LIMIT_MB}
    environment["PYTHONPATH"] = str(runtime.overlay.resolve()) if runtime.overlay else ""
    return service(name, folder, free_port(), app=runtime.app, python=runtime.executable, **environment)


@contextmanager
def connected(pool: Pool, server: Server) -> Iterator[Connection]:
    """Run `server`, and yield a connection to it; raise `CommandError` in one line for whatever goes wrong with it.

    Where the process has ended, that is the reason, with the last line of its output.
    """
    with pool.serve(server):
        try:
            with closing(Connection(server.port)) as connection:
                yield connection
        except (OSError, http.client.HTTPException, websocket.WebSocketException) as error:
            raise CommandError(server.why_it_ended() or f"no answer: {type(error).__name__}: {error}") from None
        except ValueError as error:
            raise CommandError(str(error)) from None


def _measure(
    slug: str, variant_slug: str, runtime: Runtime, server: Server, connection: Connection
) -> tuple[Expected, Measured]:
    _check_versions(connection, runtime)
    twin = _twins(connection).get(slug)
    variant = twin.variant(variant_slug) if twin else None
    if twin is None or variant is None:
        raise CommandError("the service does not have this variant")
    if variant.expected is None:
        raise CommandError("no expectation")
    path = f"{variant.path}?context_kb={twin.context_kb}"
    url = f"{server.url}{path}"
    send: Send = (
        (lambda: Answer(sessions.hold(url).status)) if twin.protocol == "websocket" else (lambda: connection.send(path))
    )
    return variant.expected, _run_rounds(twin, variant, send, connection)


def _run_rounds(twin: Twin, variant: Variant, send: Send, connection: Connection) -> Measured:
    """Warm up, and take a reading after that and after each round."""
    give_up = time.monotonic() + TIME_LIMIT_S
    before = connection.ask("/lab/settle", "POST")["traceback_entries"]
    warm_up = max(twin.requests // WARM_UP_PART, min(WARM_UP_REQUESTS, twin.requests // 4), 1)
    sizes = [warm_up, *[(twin.requests - warm_up) // ROUNDS] * ROUNDS]
    readings: list[RoundReading] = []
    for size in sizes:
        if time.monotonic() > give_up:
            raise CommandError(f"gave up after {TIME_LIMIT_S:.0f} s, with {readings[-1].requests} requests")
        sent = readings[-1].requests if readings else 0
        readings.append(_run_round(sent, size, variant.status, send, connection))
    return measured(before, readings)


def _run_round(sent: int, size: int, status: int, send: Send, connection: Connection) -> RoundReading:
    durations = []
    answer = Answer(0)
    for number in range(sent + 1, sent + size + 1):
        began = time.perf_counter()
        answer = send()
        durations.append(time.perf_counter() - began)
        if answer.status != status:
            raise CommandError(f"request {number} answered {answer.status}, not {status}")
    left = connection.ask("/lab/settle", "POST")
    return RoundReading(
        sent + size,
        left["bytes_in_use"],
        left["anonymous_bytes"],
        left["traceback_entries"],
        left["collected_objects"],
        answer.log_bytes,
        1000 * statistics.median(durations),
    )


def _check_versions(connection: Connection, runtime: Runtime) -> None:
    """Raise `CommandError` if the process does not run the versions of its row."""
    lab = connection.ask("/lab")
    if (found := f"Python {lab['python']}, Starlette {lab['starlette']}") != runtime.name:
        raise CommandError(f"the process runs {found}")


def _twins(connection: Connection) -> dict[str, Twin]:
    try:
        return read_catalogue(connection.ask("/twins"))
    except (KeyError, TypeError) as error:
        raise CommandError(f"GET /twins does not return a catalogue: {error}") from None
