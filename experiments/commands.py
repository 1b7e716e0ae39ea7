"""The commands of `python -m experiments`, and what they share: an error is one line, and an exit status."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.article.figures import figures
from experiments.calibration import calibrate
from experiments.compare.bench import bench
from experiments.compare.cost import cost
from experiments.real.real_services import services
from experiments.twins.matrix import matrix
from experiments.twins.truth import truth
from sadpath.command_line import app_of, run_app

app = app_of(
    "Measure what the instrument finds in the lab, how often it is right, and what it costs.",
    (truth, matrix, bench, cost, calibrate, figures, services),
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit status."""
    return run_app(app, "experiments", arguments)
