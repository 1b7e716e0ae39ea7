"""`make slides`: write one HTML file with about eight slides, from what the newest demo measured."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer

from loadtest import HEADLINE
from loadtest.ports import free_port
from loadtest.server import running, service
from loadtest.stage import coloured
from sadpath.errors import CommandError, writing_to
from sadpath.files import write_whole
from sadpath.hosts import direct_opener
from sadpath.pages import templates
from sadpath.temporary import temporary_folder
from sadpath.watch.report import MEMORY_PICTURE, read_run
from sadpath.watch.report.charts import colours_of
from sadpath.watch.run import Run

COST_PICTURE = "cost.png"
TIMEOUT_S = 10.0


def slides(
    run: Annotated[Path, typer.Option(help="Folder of the run that the slides show.")] = Path("reports/demo"),
    cost: Annotated[
        Path, typer.Option(help="The picture of `make cost`; without one the slide has the run's own latency.")
    ] = Path("reports") / COST_PICTURE,
    to: Annotated[Path, typer.Option(help="The file to write.")] = Path("reports/slides.html"),
) -> int:
    """Write the slides of a talk from the newest demo.

    One HTML file with the figures and pictures of the demo and the code of the source; it needs no network.
    Arrow keys turn the slides; a browser prints them, one a page.
    """
    shown, picture = _run(run), run / MEMORY_PICTURE
    text = deck(shown, picture.read_bytes(), cost.read_bytes() if cost.exists() else None, _code_of_headline())
    with writing_to(to.parent):
        to.parent.mkdir(parents=True, exist_ok=True)
        write_whole(to, text.encode())
    typer.echo(f"Slides: {to}   (open it in a browser; → and ← turn them)")
    return 0


def deck(run: Run, picture: bytes, cost: bytes | None, code: Sequence[Mapping[str, Any]]) -> str:
    """Return the deck. `picture` and `cost` are PNG; `code` are the leaky and the fixed lines, as of `/lab/code`."""
    leaky, fixed = list(run.verdicts)[:2]
    template = templates("loadtest", ".").get_template("slides.html")
    return template.render(
        run=run,
        leaky=run.verdicts[leaky],
        names=(leaky, fixed),
        fixed=run.verdicts[fixed],
        colours=colours_of(run),
        code=[{**one, "html": coloured(one["code"], one["marked"])} for one in code],
        each={arm: _bytes(run.verdicts[arm].bytes_per_request) for arm in (leaky, fixed)},
        p99={arm: _latency(run, arm) for arm in (leaky, fixed)},
        picture=_as_data(picture),
        cost=cost and _as_data(cost),
    )


def _run(folder: Path) -> Run:
    """Read the run of a demo. Raises `CommandError` where there is none."""
    try:
        run = read_run(folder)
    except FileNotFoundError:
        raise CommandError(f"no run in {folder}; type make demo first, or name its folder with --run") from None
    except ValueError as reason:
        raise CommandError(str(reason)) from reason
    if len(run.verdicts) < 2 or not (folder / MEMORY_PICTURE).exists():  # noqa: PLR2004 - two arms
        raise CommandError(f"the run in {folder} is not one of make demo, or was cut off; type make demo")
    return run


def _bytes(figure: float) -> str:
    return "unknown" if isnan(figure) else f"{figure:,.0f} bytes"


def _latency(run: Run, arm: str) -> float | None:
    """Return the median of the seconds' p99 at the end of a run, in milliseconds."""
    last = [one.latency.p99_ms for one in run.samples if one.arm == arm and one.latency.p99_ms is not None][-10:]
    return sorted(last)[len(last) // 2] if last else None


def _code_of_headline() -> list[dict[str, Any]]:
    """Ask the service for its own code: the load test does not import it."""
    with temporary_folder("slides-") as folder:
        server = service("slides", folder, free_port())
        with running(server), direct_opener().open(f"{server.url}/lab/code/{HEADLINE}", timeout=TIMEOUT_S) as answer:
            return list(json.load(answer))


def _as_data(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
