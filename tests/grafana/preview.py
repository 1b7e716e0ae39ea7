"""Draw the committed dashboards, from a real lab that reaches its memory limit: `make dashboards-preview`.

Set PREVIEWER to a command that draws a dashboard of Grafana from what a Prometheus holds. It is called as

    PREVIEWER DASHBOARD.json PROMETHEUS_URL PICTURE.png --size 1280x720 --from SECONDS --to SECONDS [--var NAME=VALUE]

where a time is in seconds since 1970. The pictures are left in reports/dashboards: The divergence before its first kill
at the memory limit, while the arm is down and afterwards, and One service; each of them also with its closed row.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.server import Server
from tests.grafana.lab import ROOT, load, prometheus, targets_of, two_arms
from tests.grafana.questions import DASHBOARDS, panels
from tests.waiting import until

PICTURES = ROOT / "reports" / "dashboards"
KILLED_WITHIN_S = 240
DOWN_FOR_S = 6
GOES_ON_FOR_S = 30
"""How long the lab goes on after its first kill: until the time to the limit is measured again."""

WINDOW_S = {"divergence": 120, "one_service": 180}


@dataclass(frozen=True)
class Story:
    """When the lab was what the pictures show, in seconds since 1970."""

    killed: float
    ended: float


def main() -> int:
    """Run the lab through one kill at the memory limit, then draw it. Returns the exit status."""
    previewer = shlex.split(os.environ.get("PREVIEWER", ""))
    if not previewer or shutil.which(previewer[0]) is None:
        print(__doc__, file=sys.stderr)
        print(f"PREVIEWER is {' '.join(previewer) or 'not set'}: no such command.", file=sys.stderr)
        return 2
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms, locust_port = two_arms(folder)
        with prometheus(folder, targets_of(arms, locust_port)) as prom:
            with load(arms, locust_port, folder):
                story = _through_one_kill(arms[0])
            for picture, arguments in _pictures(story, arms[0], prom.url, folder):
                subprocess.run([*previewer, *arguments], check=True)
                print(picture)
    return 0


def _through_one_kill(arm: Server) -> Story:
    print("The lab is under load until an arm reaches its memory limit: about a minute …", flush=True)
    until(lambda: arm.status() is not None, KILLED_WITHIN_S, "the memory limit")
    killed = time.time()
    time.sleep(DOWN_FOR_S)  # as long as a container takes to start again
    arm.restart_if_ended()
    time.sleep(GOES_ON_FOR_S)
    return Story(killed, time.time())


def _pictures(story: Story, arm: Server, url: str, folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each picture, and the arguments of the previewer that draw it."""
    for dashboard in DASHBOARDS:
        moments = {"": story.ended}
        if dashboard.stem == "divergence":
            moments = {"-before": story.killed - 2, "-down": story.killed + DOWN_FOR_S - 0.5, **moments}
        opened = folder / f"{dashboard.stem}-opened.json"
        opened.write_text(json.dumps(_opened(json.loads(dashboard.read_text()))))
        as_it_opens: list[str] = []
        drawn = [(f"{dashboard.stem}{name}", dashboard, at, as_it_opens) for name, at in moments.items()]
        drawn.append((opened.stem, opened, story.ended, ["--full"]))
        for name, source, at, options in drawn:
            picture = PICTURES / f"{name}.png"
            times = ["--from", str(at - WINDOW_S[dashboard.stem]), "--to", str(at)]
            variables = ["--var", "job=lab", "--var", f"instance=127.0.0.1:{arm.port}"]
            yield picture, [str(source), url, str(picture), "--size", "1280x720", *times, *variables, *options]


def _opened(board: dict[str, Any]) -> dict[str, Any]:
    """Open the closed row of a dashboard."""
    return {**board, "panels": panels(board)}


if __name__ == "__main__":
    sys.exit(main())
