"""What many retained entries cost a scrape of `/metrics` and a full census of the heap."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, median

from loadtest.bench.effort import ENTRIES, Bench, Measurement
from loadtest.bench.ratios import BenchRow, Goal, compare
from loadtest.bench.rounds import Part, Round, play
from loadtest.ports import free_ports
from loadtest.server import Server, running, service
from sadpath.errors import CommandError

TIMEOUT_S = 120.0
FIRST_REQUESTS = 1_000
MOST_REQUESTS = 200_000
A_ROUND_REQUESTS = 10_000


def scrape(bench: Bench) -> Iterator[BenchRow]:
    """Scrape a process with many entries and one without, in turn. The first scrape walks them all, apart."""
    bench.say(f"scrapes with {ENTRIES:,} entries retained and with none")
    ports = free_ports(2)
    many, none = (_retaining(entries, port, bench.folder) for entries, port in zip((ENTRIES, 0), ports, strict=True))
    with running(many, none):
        first_s = _scrape_s(many)
        _scrape_s(none)
        pairs = [(_scrape_s(many), _scrape_s(none)) for _ in range(bench.effort.scrapes)]
    with_it, without = zip(*pairs, strict=True)
    of, goal = MEASUREMENTS[0].rows["scrape"]
    yield compare(
        "scrape",
        of,
        with_it,
        without,
        goal,
        first_ms=_ms(first_s),
        **_summary("", with_it),
        **_summary("without_", without),
    )


def _summary(prefix: str, seconds: Sequence[float]) -> dict[str, float]:
    figures = {"median": median(seconds), "mean": mean(seconds), "max": max(seconds)}
    return {f"{prefix}{name}_ms": _ms(figure) for name, figure in figures.items()}


def _retaining(entries: int, port: int, folder: Path) -> Server:
    return Server(f"retaining-{entries}", ["-m", "loadtest.bench.retaining", str(entries), "{port}"], folder, port)


def _scrape_s(server: Server) -> float:
    began = time.perf_counter()
    _get(f"{server.url}/metrics")
    return time.perf_counter() - began


def _get(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read())


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def service_census(bench: Bench) -> Iterator[BenchRow]:
    """Retain entries in the real service, by requests through its error middleware, and take the census there."""
    control, port = free_ports(2)
    runner = ["-m", "loadtest.bench.census_runner", str(control)]
    settings = {"LAB_METRICS": "none", "LAB_CONTEXT_KB": "0", "LAB_MEMORY_LIMIT_MB": "4096"}
    server = service("retaining", bench.folder, port, runner=runner, **settings)
    with running(server):
        _request(server, FIRST_REQUESTS, bench)
        entries_a_request = _census(control)["entries"] / FIRST_REQUESTS
        needed = int(ENTRIES / max(entries_a_request, ENTRIES / MOST_REQUESTS)) + 1
        bench.say(f"{needed:,} requests to the service, for {ENTRIES:,} entries")
        _request(server, needed - FIRST_REQUESTS, bench)
        yield from _census_rows({"full census": "census_s", "naming": "naming_s"}, control, bench)


def plain_census(bench: Bench) -> Iterator[BenchRow]:
    """Retain entries through a plain stack, and take the census there."""
    bench.say("full censuses of entries from a plain stack")
    control, port = free_ports(2)
    plain = ["-m", "loadtest.bench.retaining", str(ENTRIES), "{port}"]
    server = Server("plain", ["-m", "loadtest.bench.census_runner", str(control), *plain], bench.folder, port)
    with running(server):
        yield from _census_rows({"full census (plain stack)": "census_s"}, control, bench)


def _request(server: Server, requests: int, bench: Bench) -> None:
    """Send requests to the path that leaks, in rounds that keep within the time that a round may take."""
    url, pid = f"{server.url}/reused/users/42", server.pid()
    sizes = [min(A_ROUND_REQUESTS, requests - sent) for sent in range(0, requests, A_ROUND_REQUESTS)]
    rounds = [Round([Part(server.name, pid, url, size)], size) for size in sizes]
    play(rounds, bench.folder, lambda number, _: bench.say(f"{number + 1} of {len(rounds)} parts of the requests"))


def _census(control: int) -> dict[str, float]:
    figures: dict[str, float] = json.loads(_get(f"http://127.0.0.1:{control}/"))
    return figures


def _census_rows(names: Mapping[str, str], control: int, bench: Bench) -> Iterator[BenchRow]:
    """Yield the rows by their names, each with the figure that it compares with a collection."""
    _census(control)  # the first collection frees what the requests left behind
    pairs = [_census(control) for _ in range(bench.effort.censuses)]
    if not all(one["named"] for one in pairs):
        raise CommandError("the object with the most entries was not named")
    collections = [one["collect_s"] for one in pairs]
    for name, figure in names.items():
        of, goal = next(measurement.rows[name] for measurement in MEASUREMENTS if name in measurement.rows)
        seconds = [one[figure] for one in pairs]
        figures = {f"{figure.removesuffix('_s')}_ms": _ms(median(seconds)), "collect_ms": _ms(median(collections))}
        yield compare(name, of, seconds, collections, goal, entries=pairs[-1]["entries"], **figures)


MEASUREMENTS = (
    Measurement(
        {"scrape": ("a scrape with a million entries retained against one with none", Goal(1.5))},
        scrape,
    ),
    Measurement(
        {
            "full census": (
                "a full census of a service's heap with a million entries against a full collection",
                Goal(0.5),
            ),
            "naming": ("naming the object that retains them against a full collection", Goal(0.1)),
        },
        service_census,
    ),
    Measurement(
        {"full census (plain stack)": ("the same of a heap that has nothing but a million entries", None)},
        plain_census,
    ),
)
