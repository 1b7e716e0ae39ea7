"""The commands of `python -m experiments`, and what they share: an error is one line, and an exit status."""

from __future__ import annotations

from experiments.article.figures import figures
from experiments.calibration import calibrate
from experiments.compare.bench import bench
from experiments.compare.cost import cost
from experiments.twins.matrix import matrix
from experiments.twins.truth import truth
from sadpath.command_line import runner

run = runner(
    "experiments",
    "Measure what the instrument finds in the lab, how often it is right, and what it costs.",
    (truth, matrix, bench, cost, calibrate, figures),
)
"""Runs one command, and returns its exit status."""
