"""Measure one variant in a fresh process: a warm-up, then rounds of an exact number of requests, with readings."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import websocket

from experiments.client import Connection, ServiceAnswer
from experiments.twins.runtimes import Runtime
from experiments.twins.variants import RoundReading, VariantFigures, figures_of
from loadtest import sessions
from loadtest.catalogue import Expected, Twin, Variant, read_catalogue
from loadtest.ports import free_port
from loadtest.server import Pool, Server, service
from sadpath.errors import CommandError

ROUNDS = 9
WARM_UP_PART = 10
WARM_UP_REQUESTS = 80
"""The warm-up is a tenth of all requests, but eighty where that is at most a quarter: caches fill for so long."""

MEMORY_LIMIT_MB = 1024
"""At which a measured process ends itself: no twin needs a tenth of it."""

TIME_LIMIT_S = 300.0
"""After which a measurement is given up, between two rounds. It takes ten on a machine that has nothing else to do."""


Send = Callable[[], ServiceAnswer]
"""Sends one request and waits for its whole answer."""


@contextmanager
def _connected(pool: Pool, server: Server) -> Iterator[Connection]:
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


def _service(name: str, runtime: Runtime, folder: Path) -> Server:
    """Return the service on this runtime, not yet started. Raises `CommandError` if there is no such runtime."""
    if runtime.problem:
        raise CommandError(runtime.problem)
    variables = runtime.variables(MEMORY_LIMIT_MB)
    return service(name, folder, free_port(), app=runtime.app, python=runtime.executable, **variables)


def ask_for_catalogue(runtime: Runtime, folder: Path, pool: Pool | None = None) -> dict[str, Twin]:
    """Return the twins that the service has on this runtime. Raises `CommandError`."""
    with _connected(pool or Pool(), _service("catalogue", runtime, folder)) as connection:
        return _twins(connection)


def measure(twin: str, variant: str, runtime: Runtime, folder: Path, pool: Pool) -> tuple[Expected, VariantFigures]:
    """Measure one variant in a fresh process; return what the service expects there too. Raises `CommandError`."""
    server = _service(f"{twin}-{variant}", runtime, folder)
    with _connected(pool, server) as connection:
        _check_versions(connection, runtime)
        of = _twins(connection).get(twin)
        found = of.variant(variant) if of else None
        if of is None or found is None:
            raise CommandError("the service does not have this variant")
        if found.expected is None:
            raise CommandError("no expectation")
        return found.expected, _run_rounds(of, found, _sender(of, found, server, connection), connection)


def _twins(connection: Connection) -> dict[str, Twin]:
    try:
        return read_catalogue(connection.ask("/twins"))
    except (KeyError, TypeError) as error:
        raise CommandError(f"GET /twins does not return a catalogue: {error}") from None


def _check_versions(connection: Connection, runtime: Runtime) -> None:
    """Raise `CommandError` if the process does not run the versions of its row."""
    lab = connection.ask("/lab")
    if (found := f"Python {lab['python']}, Starlette {lab['starlette']}") != runtime.name:
        raise CommandError(f"the process runs {found}")


def _sender(twin: Twin, variant: Variant, server: Server, connection: Connection) -> Send:
    path = f"{variant.path}?context_kb={twin.context_kb}"
    if twin.protocol == "websocket":
        return lambda: ServiceAnswer(sessions.hold(server.url + path).status)
    return lambda: connection.send(path)


def _run_rounds(twin: Twin, variant: Variant, send: Send, connection: Connection) -> VariantFigures:
    """Warm up, and take a reading after that and after each round."""
    give_up = time.monotonic() + TIME_LIMIT_S
    before = connection.ask("/lab/settle", "POST")["traceback_entries"]
    warm_up = max(twin.requests // WARM_UP_PART, min(WARM_UP_REQUESTS, twin.requests // 4), 1)
    readings: list[RoundReading] = []
    for size in [warm_up, *[(twin.requests - warm_up) // ROUNDS] * ROUNDS]:
        if time.monotonic() > give_up:
            raise CommandError(f"gave up after {TIME_LIMIT_S:.0f} s, with {readings[-1].requests} requests")
        sent = readings[-1].requests if readings else 0
        readings.append(_run_round(sent, size, variant.status, send, connection))
    return figures_of(before, readings)


def _run_round(sent: int, size: int, status: int, send: Send, connection: Connection) -> RoundReading:
    durations, answer = [], ServiceAnswer(0)
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
