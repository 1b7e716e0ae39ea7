"""Measure one variant in a fresh process: a warm-up, then rounds of an exact number of requests, with readings."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import websocket

from loadtest import sessions
from loadtest.arms import DidNotStart
from loadtest.bench.servers import Server
from loadtest.catalogue import Expected, Twin, Variant, read_catalogue
from loadtest.truth.figures import Measured, Reading, measured
from loadtest.truth.requests import Answer, Connection, Refused, Send
from loadtest.truth.service import Processes, Runtime, why_it_ended

ROUNDS = 9
WARM_UP_PART = 10
"""The warm-up takes so many times fewer requests than all the rounds together may."""

TIME_LIMIT_S = 90.0
"""After which a measurement is given up, between two rounds."""


class Failed(Exception):  # noqa: N818 - becomes the row's reason
    """A variant could not be measured; the message says why, in one line."""


@dataclass(frozen=True)
class Result:
    """What one process did: what the service expects there, and what was measured."""

    expected: Expected
    measured: Measured


def ask_for_catalogue(runtime: Runtime, processes: Processes) -> dict[str, Twin]:
    """Return the twins that the service has on this runtime. Raises `Failed` and `DidNotStart`."""
    with processes.serve("catalogue", runtime) as server, connected(server) as connection:
        return _twins(connection)


def measure(twin: str, variant: str, runtime: Runtime, processes: Processes) -> Result:
    """Measure one variant in a fresh process. Raises `Failed`."""
    if runtime.problem:
        raise Failed(runtime.problem)
    try:
        with processes.serve(f"{twin}-{variant}", runtime) as server, connected(server) as connection:
            return _measure(twin, variant, runtime, server, connection)
    except DidNotStart as reason:
        raise Failed(str(reason)) from None


@contextmanager
def connected(server: Server) -> Iterator[Connection]:
    """Yield a connection to `server`; raise `Failed` in one line for whatever goes wrong with it.

    Where the process has ended, that is the reason, and the last thing that it said.
    """
    try:
        with closing(Connection(server.port)) as connection:
            yield connection
    except (OSError, http.client.HTTPException, websocket.WebSocketException) as error:
        reason = why_it_ended(server) or f"no answer: {type(error).__name__}: {error}"
        raise Failed(reason) from None
    except (Refused, ValueError) as error:
        raise Failed(str(error)) from None


def _measure(slug: str, variant_slug: str, runtime: Runtime, server: Server, connection: Connection) -> Result:
    _check_versions(connection, runtime)
    twin = _twins(connection).get(slug)
    variant = twin.variant(variant_slug) if twin else None
    if twin is None or variant is None:
        raise Failed("the service has no such variant")
    if variant.expected is None:
        raise Failed("no expectation")
    path = f"{variant.path}?context_kb={twin.context_kb}"
    url = f"http://127.0.0.1:{server.port}{path}"
    send: Send = (
        (lambda: Answer(sessions.hold(url).status)) if twin.protocol == "websocket" else (lambda: connection.send(path))
    )
    return Result(variant.expected, _run_rounds(twin, variant, send, connection))


def _run_rounds(twin: Twin, variant: Variant, send: Send, connection: Connection) -> Measured:
    """Warm up, and take a reading after that and after each round."""
    give_up = time.monotonic() + TIME_LIMIT_S
    before = connection.ask("/lab/settle", "POST")["traceback_entries"]
    warm_up = max(twin.requests // WARM_UP_PART, 1)
    sizes = [warm_up, *[(twin.requests - warm_up) // ROUNDS] * ROUNDS]
    readings: list[Reading] = []
    for size in sizes:
        if time.monotonic() > give_up:
            raise Failed(f"gave up after {TIME_LIMIT_S:.0f} s, with {readings[-1].requests} requests")
        sent = readings[-1].requests if readings else 0
        readings.append(_run_round(sent, size, variant.status, send, connection))
    return measured(before, readings)


def _run_round(sent: int, size: int, status: int, send: Send, connection: Connection) -> Reading:
    durations = []
    answer = Answer(0)
    for number in range(sent + 1, sent + size + 1):
        began = time.perf_counter()
        answer = send()
        durations.append(time.perf_counter() - began)
        if answer.status != status:
            raise Failed(f"request {number} answered {answer.status}, not {status}")
    left = connection.ask("/lab/settle", "POST")
    return Reading(
        sent + size,
        left["bytes_in_use"],
        left["anonymous_bytes"],
        left["traceback_entries"],
        left["collected_objects"],
        answer.log_bytes,
        1000 * statistics.median(durations),
    )


def _check_versions(connection: Connection, runtime: Runtime) -> None:
    """Raise `Failed` if the process does not run what its row will say."""
    lab = connection.ask("/lab")
    if (found := f"Python {lab['python']}, Starlette {lab['starlette']}") != runtime.name:
        raise Failed(f"the process runs {found}")


def _twins(connection: Connection) -> dict[str, Twin]:
    try:
        return read_catalogue(connection.ask("/twins"))
    except (KeyError, TypeError) as error:
        raise Failed(f"GET /twins is no catalogue: {error}") from None
