"""CPU time that the instruments cost the service for each request of an error path, against the bare app.

The setups take turns: each generation starts a fresh server of every setup, and each round deals out the same number of
requests to each of them, in slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from experiments.compare.ratios import Bench, BenchMeasurement, BenchRow, compare
from experiments.compare.turns import Lane, Part, PartResult, RoundFailed, play
from loadtest.ports import free_ports
from loadtest.server import Server, service
from sadpath.check.service.start import INJECT
from sadpath.errors import CommandError

WARM_UP_REQUESTS = 500
GROWTH_SPREAD = 1.4
"""How much larger the last round of the reused path is than the first.

What is retained is collected in full each time that it has grown by a quarter, and in a service that allocates a little
more, a little earlier. Were all rounds of one size, the last collection would fall into all rounds of one setup and
none of another, and that alone makes a fifth of the cost; so their sizes are spread over more than one such interval.
"""

BARE = "bare"
COMMON = {
    "LAB_CONTEXT_KB": "0",
    "LAB_MEMORY_LIMIT_MB": "2048",
    "LAB_METRICS": "none",
    "PYTHONHASHSEED": "0",  # another order in its tables makes a process faster or slower by itself
}


@dataclass(frozen=True, eq=False)
class Setup:
    """One way to run the service: with which settings and runner, whether it is scraped, or has the probe in it.

    `slowness` divides the number of requests of its rounds on the factory path, where the cost does not depend on it.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    runner: Sequence[str] = ()
    is_scraped: bool = False
    has_probe: bool = False
    slowness: int = 1

    def server(self, name: str, folder: Path, port: int) -> Server:
        """Return its server, not yet started."""
        settings = {**COMMON, **self.settings}
        if self.has_probe:  # as `sadpath check` puts it there
            sockets = folder / f"{name}-sockets"
            sockets.mkdir(exist_ok=True)
            settings |= {"PYTHONPATH": str(INJECT), "SADPATH_PROBE": str(sockets)}
        runner = [word.replace("{folder}", str(folder)) for word in self.runner]
        return service(name, folder, port, runner=runner, **settings)


SETUPS = {
    BARE: Setup(),
    "exporter": Setup({"LAB_METRICS": "all"}, is_scraped=True),
    "census": Setup({"LAB_METRICS": "census"}, is_scraped=True),
    "probe": Setup(has_probe=True),
    "memray": Setup(runner=["-m", "memray", "run", "-f", "-q", "-o", "{folder}/memray.bin"], slowness=4),
    "tracemalloc": Setup({"PYTHONTRACEMALLOC": "1"}, slowness=4),
    "noise": Setup(),
}
ROWS = {
    "reused": ("exporter", "census"),
    "factory": ("exporter (factory)", "census (factory)", "probe", "memray", "tracemalloc", "noise"),
}
"""By the error path: the rows, each named after the setup that it compares with the bare app."""


def _setup_of(row: str) -> str:
    return row.removesuffix(" (factory)")


class Comparison:
    """One error path, `reused` or `factory`, under the wanted setups, round by round."""

    def __init__(self, path: str, bench: Bench) -> None:
        self._path = path
        self._rows = [row for row in ROWS[path] if row in bench.wanted]
        self._bench = bench
        self._rounds: list[dict[str, PartResult]] = []
        self._failures: dict[str, str] = {}

    def measure(self) -> Iterator[BenchRow]:
        """Run all generations, and yield the rows as they stand after each. A setup that failed is left out."""
        generations = self._bench.effort.generations
        for generation in range(generations):
            names = [name for name in SETUPS if name in {BARE, *map(_setup_of, self._rows)} - self._failures.keys()]
            if BARE in names and len(names) > 1:
                self._bench.say(f"{self._path} path, generation {generation + 1} of {generations}: {', '.join(names)}")
                self._run_generation(generation, names)
            yield from map(self._row, self._rows)

    def _run_generation(self, generation: int, names: Sequence[str]) -> None:
        with ExitStack() as ends:
            servers = self._start(names, ends)
            if BARE not in servers:
                return
            try:
                lanes = [self._lane(name, server) for name, server in servers.items()]
                play([self._part(lane, WARM_UP_REQUESTS) for lane in lanes])
                for size in self._sizes(generation):
                    self._rounds.append(play([self._part(lane, size) for lane in lanes]))
            except RoundFailed as failure:
                self._failures[failure.name or BARE] = str(failure)

    def _start(self, names: Sequence[str], ends: ExitStack) -> dict[str, Server]:
        """Start all servers at once, and return those that came up; they are stopped when `ends` is left."""
        servers = {}
        for name, port in zip(names, free_ports(len(names)), strict=True):
            servers[name] = SETUPS[name].server(f"{self._path}-{name}", self._bench.folder, port)
            ends.callback(servers[name].stop)
            servers[name].start()
        for name in names:
            try:
                servers[name].wait_until_listening()
            except CommandError as reason:
                self._failures[name] = str(reason)
                del servers[name]
        return servers

    def _sizes(self, generation: int) -> list[int]:
        """Return the requests of each round of a generation, growing over all rounds by `GROWTH_SPREAD` in the end."""
        effort = self._bench.effort
        numbers = range(generation * effort.rounds, (generation + 1) * effort.rounds)
        spread = GROWTH_SPREAD if self._path == "reused" else 1.0
        parts = (number / (effort.generations * effort.rounds) for number in numbers)
        return [round(effort.requests * spread**part) for part in parts]

    def _lane(self, name: str, server: Server) -> Lane:
        return Lane(name, server, is_scraped=SETUPS[name].is_scraped, is_released=self._path == "reused")

    def _part(self, lane: Lane, requests: int) -> Part:
        slowness = 1 if self._path == "reused" else SETUPS[lane.name].slowness
        return Part(lane, f"/{self._path}/users/42", requests // slowness)

    def _row(self, row: str) -> BenchRow:
        name = _setup_of(row)
        failure = self._failures.get(BARE) or self._failures.get(name)
        pairs = [(one[name], one[BARE]) for one in self._rounds if name in one]
        if failure or not pairs:
            return BenchRow(row, reason=failure or "no round came to its end")
        mine, bare = zip(*pairs, strict=True)
        with_it, without = ([one.cpu_per_request_us for one in side] for side in (mine, bare))
        return compare(row, with_it, without, **_figures(mine, bare))


def _figures(mine: Sequence[PartResult], bare: Sequence[PartResult]) -> dict[str, object]:
    return {
        "requests_a_round": [one.requests for one in mine],
        "cpu_us_per_request": [round(one.cpu_per_request_us, 1) for one in mine],
        "bare_cpu_us_per_request": [round(one.cpu_per_request_us, 1) for one in bare],
        "requests_per_s": round(median(one.requests / one.wall_s for one in mine)),
        "bare_requests_per_s": round(median(one.requests / one.wall_s for one in bare)),
        "scrapes_a_round": [one.scrapes for one in mine],
    }


MEASUREMENTS = (
    BenchMeasurement(ROWS["reused"], lambda bench: Comparison("reused", bench).measure()),
    BenchMeasurement(ROWS["factory"], lambda bench: Comparison("factory", bench).measure()),
)
