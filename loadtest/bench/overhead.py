"""CPU time that the instruments cost the service for each request of an error path, against the bare app.

The variants take turns: each generation starts a fresh server of every variant, and each round deals out the same
number of requests to each of them, in slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from loadtest.bench.effort import Bench, Measurement
from loadtest.bench.ratios import BenchRow, Goal, compare
from loadtest.bench.rounds import Part, PartResult, Round, RoundFailed, play
from loadtest.ports import free_ports
from loadtest.server import Server, service
from sadpath.check.service.start import INJECT
from sadpath.errors import CommandError

WARM_UP_REQUESTS = 500
GROWTH_SPREAD = 1.4
"""How much larger the last round of the reused path is than the first.

What is retained is collected in full each time that it has grown by a quarter, and in a service that allocates a little
more, a little earlier. Were all rounds of one size, the last collection would fall into all rounds of one variant and
none of another, and that alone makes a fifth of the cost; so their sizes are spread over more than one such interval.
"""

BARE = "bare"


@dataclass(frozen=True, eq=False)
class Setup:
    """One way to run the service: under which runner, with which settings, whether it is scraped.

    `slowness` divides the number of requests of its rounds on the factory path, where the cost does not depend on it.
    """

    name: str
    environment: dict[str, str]
    is_scraped: bool = False
    slowness: int = 1
    is_traced_by_memray: bool = False
    has_probe: bool = False

    def server(self, path: str, folder: Path, port: int) -> Server:
        """Return its server for the error path `reused` or `factory`, not yet started."""
        runner = (
            ["-m", "memray", "run", "-f", "-q", "-o", str(folder / "memray.bin")] if self.is_traced_by_memray else []
        )
        probe = _probe(folder / f"{path}-probes") if self.has_probe else {}
        return service(f"{path}-{self.name}", folder, port, runner=runner, **COMMON, **self.environment, **probe)


def _probe(sockets: Path) -> dict[str, str]:
    """Return what puts the probe of `sadpath check` into a process, as `sadpath check` starts it."""
    sockets.mkdir(exist_ok=True)
    return {"PYTHONPATH": str(INJECT), "SADPATH_PROBE": str(sockets)}


COMMON = {
    "LAB_CONTEXT_KB": "0",
    "LAB_MEMORY_LIMIT_MB": "2048",
    "PYTHONHASHSEED": "0",  # another order in its tables makes a process faster or slower by itself
}
SETUPS = (
    Setup(BARE, {"LAB_METRICS": "none"}),
    Setup("exporter", {"LAB_METRICS": "all"}, is_scraped=True),
    Setup("census", {"LAB_METRICS": "census"}, is_scraped=True),
    Setup("probe", {"LAB_METRICS": "none"}, has_probe=True),
    Setup("memray", {"LAB_METRICS": "none"}, slowness=4, is_traced_by_memray=True),
    Setup("tracemalloc", {"LAB_METRICS": "none", "PYTHONTRACEMALLOC": "1"}, slowness=4),
    Setup("noise", {"LAB_METRICS": "none"}),
)


@dataclass(frozen=True)
class OverheadRow:
    """A row of this measurement: which setup it compares with the bare app, and its goal."""

    name: str
    variant: str
    of: str
    goal: Goal | None = None


EVERYTHING = "everything on, scraped every second, against the bare app"
CENSUS = "the census and the pauses in GC, scraped every second, against the bare app"
REUSED_ROWS = (
    OverheadRow("exporter", "exporter", f"{EVERYTHING}: reused error", Goal(1.10)),
    OverheadRow("census", "census", f"{CENSUS}: reused error", Goal(1.05)),
)
FACTORY_ROWS = (
    OverheadRow("exporter (factory)", "exporter", f"{EVERYTHING}: fresh error", Goal(1.10)),
    OverheadRow("census (factory)", "census", f"{CENSUS}: fresh error", Goal(1.02)),
    OverheadRow("probe", "probe", "the bare app with the probe of sadpath check in it: fresh error", Goal(1.02)),
    OverheadRow("memray", "memray", "the bare app under memray against the bare app"),
    OverheadRow("tracemalloc", "tracemalloc", "the bare app under tracemalloc, one frame, against the bare app"),
    OverheadRow("noise", "noise", "a second bare app against the bare app: what a ratio here is worth"),
)


class Comparison:
    """One error path, `reused` or `factory`, under the wanted variants, round by round."""

    def __init__(self, path: str, rows: Sequence[OverheadRow], bench: Bench) -> None:
        self._path = path
        self._rows = [row for row in rows if row.name in bench.wanted]
        self._bench = bench
        self._rounds: list[dict[str, PartResult]] = []
        self._failures: dict[str, str] = {}

    def measure(self) -> Iterator[BenchRow]:
        """Run all generations, and yield the rows as they stand after each. A variant that failed is left out."""
        generations = self._bench.effort.generations
        for generation in range(generations):
            names = {BARE, *(row.variant for row in self._rows)} - self._failures.keys()
            if BARE in names and len(names) > 1:
                self._bench.say(f"{self._path} path, generation {generation + 1} of {generations}: {', '.join(names)}")
                self._run_generation(generation, [variant for variant in SETUPS if variant.name in names])
            yield from map(self._row, self._rows)

    def _run_generation(self, generation: int, variants: Sequence[Setup]) -> None:
        with ExitStack() as ends:
            servers = self._start(variants, ends)
            up = [variant for variant in variants if self._is_up(variant, servers[variant])]
            if BARE in self._failures:
                return
            try:
                sizes = [WARM_UP_REQUESTS, *self._sizes(generation)]
                rounds = [Round([self._part(variant, servers[variant], size) for variant in up]) for size in sizes]
                play(rounds, self._bench.folder, self._keep)
            except RoundFailed as failure:
                self._failures[failure.variant or BARE] = str(failure)

    def _start(self, variants: Sequence[Setup], ends: ExitStack) -> dict[Setup, Server]:
        """Start all servers at once; they are stopped when `ends` is left."""
        servers = {}
        for variant, port in zip(variants, free_ports(len(variants)), strict=True):
            server = servers[variant] = variant.server(self._path, self._bench.folder, port)
            ends.callback(server.stop)
            server.start()
        return servers

    def _is_up(self, variant: Setup, server: Server) -> bool:
        try:
            server.wait_until_listening()
        except CommandError as reason:
            self._failures[variant.name] = str(reason)
        return variant.name not in self._failures

    def _sizes(self, generation: int) -> list[int]:
        """Return the requests of each round of a generation, growing over all rounds by `GROWTH_SPREAD` in the end."""
        effort = self._bench.effort
        numbers = range(generation * effort.rounds, (generation + 1) * effort.rounds)
        spread = GROWTH_SPREAD if self._path == "reused" else 1.0
        return [
            round(effort.requests * spread ** (number / (effort.generations * effort.rounds))) for number in numbers
        ]

    def _part(self, variant: Setup, server: Server, requests: int) -> Part:
        slowness = 1 if self._path == "reused" else variant.slowness
        return Part(
            variant.name,
            server.pid(),
            f"{server.url}/{self._path}/users/42",
            requests // slowness,
            f"{server.url}/metrics" if variant.is_scraped else "",
            f"{server.url}/lab/release" if self._path == "reused" else "",
        )

    def _keep(self, number: int, results: list[PartResult]) -> None:
        """Keep the results of all rounds but the first, the warm-up."""
        if number:
            self._rounds.append({result.variant: result for result in results})

    def _row(self, row: OverheadRow) -> BenchRow:
        failure = self._failures.get(BARE) or self._failures.get(row.variant)
        pairs = [(one[row.variant], one[BARE]) for one in self._rounds if row.variant in one]
        if failure or not pairs:
            return BenchRow(row.name, row.of, None, goal=row.goal, reason=failure or "no round came to its end")
        mine, bare = zip(*pairs, strict=True)
        with_it, without = ([one.cpu_per_request_us for one in side] for side in (mine, bare))
        return compare(row.name, row.of, with_it, without, row.goal, **_figures(mine, bare))


def _figures(mine: Sequence[PartResult], bare: Sequence[PartResult]) -> dict[str, object]:
    return {
        "requests_a_round": [one.requests for one in mine],
        "cpu_us_per_request": [round(one.cpu_per_request_us, 1) for one in mine],
        "bare_cpu_us_per_request": [round(one.cpu_per_request_us, 1) for one in bare],
        "requests_per_s": round(median(one.requests / one.wall_s for one in mine)),
        "bare_requests_per_s": round(median(one.requests / one.wall_s for one in bare)),
        "scrapes_a_round": [one.scrapes for one in mine],
    }


def measurement(path: str, rows: Sequence[OverheadRow]) -> Measurement:
    """Return the measurement of one error path."""
    return Measurement(
        {row.name: (row.of, row.goal) for row in rows}, lambda bench: Comparison(path, rows, bench).measure()
    )
