"""Bring two services to each checkpoint, and measure what a window of requests there costs each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest import ARMS
from loadtest.bench.rounds import Part, PartResult, Round, play
from loadtest.cost.pauses import read_pauses
from loadtest.cost.windows import Window, memory_needed
from loadtest.measure.running import Say
from loadtest.ports import free_ports
from loadtest.server import Server, running, service

WARM_UP_REQUESTS = 200
NO_ROUTE = "/nowhere"
"""Answers 404 and raises no error of the lab: a fresh Locust finds its speed here, and nothing is retained."""

FILL_SLICE_REQUESTS = 1000


@dataclass(frozen=True)
class ArmWindow:
    """What one arm did in a window: its slices in order, and the seconds of each long collection."""

    slices: Sequence[PartResult]
    pauses_s: Sequence[float]


def measure(plan: Sequence[Window], folder: Path, say: Say) -> Iterator[tuple[Window, dict[str, ArmWindow]]]:
    """Measure window after window, and yield each as it ends. Raises `CommandError`."""
    servers = {arm: _server(arm, port, folder, plan) for arm, port in zip(ARMS, free_ports(len(ARMS)), strict=True)}
    served = 0
    with running(*servers.values()):
        load = Load(servers, folder)
        for window in plan:
            until = f"{window.first:,}, then measuring until {window.last:,}"
            say(f"{served:,} requests served by each; on to {until}")
            yield window, load.window(window, window.first - served)
            served = window.last


class Load:
    """Sends both services the same number of requests, in turn."""

    def __init__(self, servers: dict[str, Server], folder: Path) -> None:
        self._servers = servers
        self._folder = folder

    def window(self, window: Window, fill: int) -> dict[str, ArmWindow]:
        """Bring both on by `fill` requests, unmeasured, and then measure a window, slice by slice."""
        before = [self._warm_up(), *self._fill(fill)]
        slices: dict[str, list[PartResult]] = {arm: [] for arm in ARMS}

        def collect(number: int, results: list[PartResult]) -> None:
            if number >= len(before):
                for result in results:
                    slices[result.variant].append(result)

        rounds = [self._round(size, number, is_timed=True) for number, size in enumerate(window.slices)]
        play([*before, *rounds], self._folder, collect)
        return {arm: ArmWindow(ours, self._pauses(arm, ours[0].began)) for arm, ours in slices.items()}

    def _fill(self, requests: int) -> list[Round]:
        left = range(requests, 0, -FILL_SLICE_REQUESTS)
        return [self._round(min(FILL_SLICE_REQUESTS, one), one) for one in left]

    def _round(self, requests: int, number: int, *, is_timed: bool = False) -> Round:
        """Return one slice of each arm; they take turns in who goes first."""
        parts = [self._part(arm, f"/{arm}/users/42?context_kb=0", requests, is_timed=is_timed) for arm in ARMS]
        return Round(parts[:: -1 if number % 2 else 1], requests)

    def _warm_up(self) -> Round:
        return Round([self._part(arm, NO_ROUTE, WARM_UP_REQUESTS) for arm in ARMS], WARM_UP_REQUESTS)

    def _part(self, arm: str, path: str, requests: int, *, is_timed: bool = False) -> Part:
        server = self._servers[arm]
        return Part(arm, server.pid(), server.url + path, requests, is_timed=is_timed)

    def _pauses(self, arm: str, since: float) -> list[float]:
        return read_pauses(_page(arm, self._folder), since)


def _page(arm: str, folder: Path) -> Path:
    return folder / f"{arm}.pauses"


def _server(arm: str, port: int, folder: Path, plan: Sequence[Window]) -> Server:
    settings = {
        "LAB_METRICS": "none",
        "LAB_MEMORY_LIMIT_MB": str(memory_needed(plan) // 2**20),
        "PYTHONHASHSEED": "0",  # another order in its tables makes a process faster or slower by itself
    }
    return service(arm, folder, port, runner=["-m", "loadtest.cost.pauses", str(_page(arm, folder))], **settings)
