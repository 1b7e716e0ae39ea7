"""What many retained entries cost a scrape of `/metrics`, a full census of the heap, and naming who retains them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, median

from experiments.client import fetch
from experiments.compare.ratios import ENTRIES, Bench, BenchMeasurement, BenchRow, compare
from experiments.compare.turns import Lane, Part, play
from loadtest.ports import free_ports
from loadtest.server import Server, running, service
from sadpath.errors import CommandError

INSIDE = ["-m", "experiments.compare.inside"]
FIRST_REQUESTS = 1_000
MOST_REQUESTS = 200_000
A_ROUND_REQUESTS = 10_000
"""After which it says how far it is."""


def _scrape(bench: Bench) -> Iterator[BenchRow]:
    """Scrape a process with many entries and one without, in turn. The first scrape walks them all, apart."""
    bench.say(f"scrapes with {ENTRIES:,} entries retained and with none")
    many, none = (
        Server(f"retaining-{entries}", [*INSIDE, "retain", str(entries), "{port}"], bench.folder, port)
        for entries, port in zip((ENTRIES, 0), free_ports(2), strict=True)
    )
    with running(many, none):
        first_s, _ = _scrape_s(many), _scrape_s(none)
        pairs = [(_scrape_s(many), _scrape_s(none)) for _ in range(bench.effort.scrapes)]
    with_it, without = zip(*pairs, strict=True)
    figures = {**_in_short("", with_it), **_in_short("without_", without)}
    yield compare("scrape", with_it, without, first_ms=_ms(first_s), **figures)


def _scrape_s(server: Server) -> float:
    began = time.perf_counter()
    fetch(f"{server.url}/metrics")
    return time.perf_counter() - began


def _in_short(prefix: str, seconds: Sequence[float]) -> dict[str, float]:
    figures = {"median": median(seconds), "mean": mean(seconds), "max": max(seconds)}
    return {f"{prefix}{name}_ms": _ms(figure) for name, figure in figures.items()}


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def _service_census(bench: Bench) -> Iterator[BenchRow]:
    """Retain entries in the real service, by requests through its error middleware, and take the census there."""
    control, port = free_ports(2)
    settings = {"LAB_METRICS": "none", "LAB_CONTEXT_KB": "0", "LAB_MEMORY_LIMIT_MB": "4096"}
    server = service("retaining", bench.folder, port, runner=[*INSIDE, "census", str(control)], **settings)
    with running(server):
        lane = Lane(server.name, server)
        _request(lane, FIRST_REQUESTS, bench)
        entries_a_request = _census(control)["entries"] / FIRST_REQUESTS
        needed = int(ENTRIES / max(entries_a_request, ENTRIES / MOST_REQUESTS)) + 1
        bench.say(f"{needed:,} requests to the service, for {ENTRIES:,} entries")
        _request(lane, needed - FIRST_REQUESTS, bench)
        yield from _census_rows({"full census": "census_s", "naming": "naming_s"}, control, bench)


def _plain_census(bench: Bench) -> Iterator[BenchRow]:
    """Retain entries through a plain stack, and take the census there."""
    bench.say("full censuses of entries from a plain stack")
    control, port = free_ports(2)
    plain = [*INSIDE, "census", str(control), *INSIDE, "retain", str(ENTRIES), "{port}"]
    with running(Server("plain", plain, bench.folder, port)):
        yield from _census_rows({"full census (plain stack)": "census_s"}, control, bench)


def _request(lane: Lane, requests: int, bench: Bench) -> None:
    """Send requests to the path that leaks."""
    for sent in range(0, requests, A_ROUND_REQUESTS):
        size = min(A_ROUND_REQUESTS, requests - sent)
        play([Part(lane, "/reused/users/42", size)], size)
        bench.say(f"{sent + size:,} of {requests:,} requests")


def _census(control: int) -> dict[str, float]:
    return dict(json.loads(fetch(f"http://127.0.0.1:{control}/")))


def _census_rows(names: Mapping[str, str], control: int, bench: Bench) -> Iterator[BenchRow]:
    """Yield the rows by their names, each with the figure that it compares with a collection."""
    _census(control)  # the first collection frees what the requests left behind
    pairs = [_census(control) for _ in range(bench.effort.censuses)]
    if not all(one["named"] for one in pairs):
        raise CommandError("the object with the most entries was not named")
    collections = [one["collect_s"] for one in pairs]
    for name, figure in names.items():
        seconds = [one[figure] for one in pairs]
        figures = {f"{figure.removesuffix('_s')}_ms": _ms(median(seconds)), "collect_ms": _ms(median(collections))}
        yield compare(name, seconds, collections, entries=pairs[-1]["entries"], **figures)


MEASUREMENTS = (
    BenchMeasurement(["scrape"], _scrape),
    BenchMeasurement(["full census", "naming"], _service_census),
    BenchMeasurement(["full census (plain stack)"], _plain_census),
)
