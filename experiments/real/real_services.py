"""`make real-services`: what `sadpath check` finds in services that teams run, and how much it decides in time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import nan
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from experiments.measurement import Book, describe_machine, progress, run_measurement, wrong_command
from experiments.pages import NONE, render, write_page
from experiments.real.growth import Repeated, bytes_per_request
from experiments.real.services import SERVICES, Place, RealService
from experiments.twins.runtimes import Python, chosen_pythons
from loadtest.ports import free_port
from sadpath.errors import CommandError, Status

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "sadpath", "real-services")
CHECKS_WITHIN_S = 1800.0
"""Only what hangs takes so long."""

ENOUGH = 0.9
"""The share of its error paths that has to be decided in the budget."""


@dataclass(frozen=True)
class Verified:
    """By how many bytes resident memory grows with a request to the leak, and with one to a flat path beside it."""

    bytes: float
    flat: str
    flat_bytes: float


@dataclass(frozen=True)
class Leak:
    """An error path that leaks: its name with method and status, and what is to blame in words."""

    name: str
    bytes: float
    cause: str
    verified: Verified | None = None


@dataclass(frozen=True)
class ServiceRow:
    """What the check of one service found, and in how many seconds."""

    name: str
    release: str
    python: str
    paths: int
    flat: int
    leaks: tuple[Leak, ...]
    seconds: float
    said: str
    notes: tuple[str, ...] = ()

    @property
    def decided(self) -> int:
        """How many paths leak or are flat."""
        return self.flat + len(self.leaks)

    @property
    def percent(self) -> int:
        """How many of a hundred paths were decided; 0 where none was found."""
        return 100 * self.decided // self.paths if self.paths else 0


def services(  # noqa: PLR0913 - one parameter for each option
    names: Annotated[list[str] | None, typer.Argument(help="Only these.", metavar="[NAME …]")] = None,
    *,
    python: Annotated[str, typer.Option(help="What they run on.", metavar="PYTHON")] = "python3.12",
    budget: Annotated[float, typer.Option(help="Seconds for each.", metavar="SECONDS")] = 120.0,
    folder: Annotated[Path, typer.Option(help="Folder for their environments.")] = FOLDER,
    reports: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("reports/services"),
    verify: Annotated[
        bool, typer.Option("--verify", help="Send 20,000 requests to each leak, and read its memory.")
    ] = False,
    page: Annotated[Path, typer.Option(help="Page to write when all were checked.")] = Path("docs/real-services.md"),
) -> int:
    """Check released services that teams run.

    They are installed at first use, 3 GB in all. Exit status: 0 nine paths in ten were decided in each, 1 fewer in one,
    2 the command is wrong, 4 something did not start, 130 interrupted.
    """
    console = Console()
    say, file, rows = progress(console), reports / "services.json", list[ServiceRow]()

    def work(_: Path) -> None:
        chosen, (interpreter,) = _chosen(names or []), chosen_pythons([python])
        book = Book(file, describe_machine(), services_json)
        for one in chosen:
            place = Place(one, folder.absolute() / one.name, free_port())
            place.install(interpreter, say)
            found = check(place, reports, budget_s=budget)
            row = row_of(one, interpreter, found)
            book.put(replace(row, leaks=tuple(verified(place, found["paths"])) if verify else row.leaks))
            say(f"{one.name}: {book.rows[-1].decided} of {book.rows[-1].paths} paths decided")
        rows.extend(book.rows)

    if status := run_measurement("services", work, console):
        return status
    if not names:
        write_page(page, services_page(rows, budget))
    return int(Status.OK if all(row.decided >= ENOUGH * row.paths > 0 for row in rows) else Status.LEAKS)


def _chosen(names: Sequence[str]) -> list[RealService]:
    known = {one.name: one for one in SERVICES}
    if unknown := [name for name in names if name not in known]:
        raise wrong_command(f"no service {unknown[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(SERVICES)


def check(place: Place, reports: Path, *, budget_s: float) -> dict[str, Any]:
    """Check a service, and return its JSON with the `wall_s` that it took. Raises `CommandError` if it did not run."""
    place.prepare()
    file = (reports / f"{place.service.name}.json").absolute()
    file.unlink(missing_ok=True)
    options = ["--config", str(place.settings), "--budget", f"{budget_s:g}", "--json", str(file)]
    words = [*options, *place.options, "--", *place.words(place.service.start)]
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "sadpath", "check", *words],
        cwd=place.work,
        env=place.variables,
        capture_output=True,
        text=True,
        timeout=CHECKS_WITHIN_S,
        check=False,
    )
    file.with_suffix(".txt").write_text(done.stdout + done.stderr)
    if not file.exists():
        raise CommandError(f"{place.service.name}: {(done.stderr.splitlines() or ['no output'])[-1]}")
    return {**json.loads(file.read_text()), "wall_s": time.monotonic() - began}


def row_of(service: RealService, python: Python, found: Mapping[str, Any]) -> ServiceRow:
    """Return the row of a check, from its JSON."""
    outcomes = Counter(one["verdict"] for one in found["paths"])
    return ServiceRow(
        service.name,
        service.release,
        python.minor,
        outcomes.total(),
        outcomes["flat"],
        tuple(_leak(one) for one in found["paths"] if one["verdict"] == "leaks"),
        round(found["wall_s"], 1),
        service.said,
        tuple(found["notes"]),
    )


def _leak(path: Mapping[str, Any]) -> Leak:
    cause = path["cause"] or {}
    words = [cause.get("kind"), cause.get("type"), cause.get("held_by") and f"held by {cause['held_by']}"]
    return Leak(_name(path), path["bytes_per_request"] or 0.0, ", ".join(filter(None, words)) or "nothing named")


def _name(path: Mapping[str, Any]) -> str:
    return f"{path['method']} {path['path']} {path['status']}"


def verified(place: Place, paths: Sequence[Mapping[str, Any]]) -> Iterator[Leak]:
    """Yield the leaks with what they cost when seen from outside, beside a flat path of the same service.

    Raises as `bytes_per_request` does.
    """
    flat = next((one for one in paths if one["verdict"] == "flat" and one["method"] == "GET"), None)
    beside = bytes_per_request(place, _repeated(place, flat)) if flat else nan
    for one in paths:
        if one["verdict"] == "leaks":
            grown = bytes_per_request(place, _repeated(place, one))
            yield replace(_leak(one), verified=Verified(grown, _name(flat) if flat else NONE, beside))


def _repeated(place: Place, path: Mapping[str, Any]) -> Repeated:
    varies = any("with other inputs" in note for note in path["notes"])
    headers = tomllib.loads(place.service.settings).get("headers", {})
    return Repeated(path["method"], path["path"] if varies else path["request"], headers)


def services_json(rows: Sequence[ServiceRow]) -> dict[str, Any]:
    """Return the rows as they are written to the file."""
    return {"rows": [asdict(row) for row in rows]}


def services_page(rows: Sequence[ServiceRow], budget_s: float) -> str:
    """Return the page as Markdown."""
    versions = ", ".join(f"{name} {value}" for name, value in describe_machine().items())
    return render("real-services.md", rows=rows, budget=f"{budget_s:g}", versions=versions)
