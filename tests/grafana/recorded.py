"""Questions to recorded series: what an expression answers at one moment, by promtool and without a server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.grafana import questions
from tests.grafana.lab import require

MIB = 2**20
LIMIT_MIB = 256


def holds(folder: Path, condition: str, series: Mapping[str, str], at_s: int) -> bool:
    """Whether a condition on the arm `reused` has an answer, `at_s` seconds after the first sample.

    `series` has the values of each metric, one a second, in promtool's notation. Raises AssertionError with promtool's
    words if it cannot read them.
    """
    labels = '{job="lab",arm="reused",instance="reused"}'
    asked = {"expr": f"count({condition}) or vector(0)", "eval_time": f"{at_s}s"}
    case = {
        "evaluation_interval": "1s",
        "tests": [
            {
                "interval": "1s",
                "input_series": [{"series": metric + labels, "values": values} for metric, values in series.items()],
                "promql_expr_test": [{**asked, "exp_samples": [{"labels": "{}", "value": 1}]}],
            }
        ],
    }
    file = folder / "case.yml"
    file.write_text(json.dumps(case))
    command = [require("promtool"), "test", "rules", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 0 or "got:" in said, said
    return result.returncode == 0


def two_processes(*, ended_s: int, gap_s: int, last_mib: int) -> dict[str, str]:
    """Record an arm whose first process ends `ended_s` seconds after the first sample, and starts `gap_s` later.

    Its memory rises to `last_mib` of a limit of `LIMIT_MIB`; while it is away, scrapes fail. The second process keeps
    to 40 MiB for 600 s. Each request of both ends in an error, fifty a second.
    """
    rising = " ".join(str(int(last_mib * MIB * second / ended_s)) for second in range(1, ended_s + 1))
    lived, away, lives = f"x{ended_s - 1}", f"_x{gap_s}", "x600"
    return {
        "up": f"1{lived} 0x{gap_s - 1} 1{lives}",
        "process_start_time_seconds": f"0{lived} {away} {ended_s + gap_s}{lives}",
        "process_resident_memory_bytes": f"{rising} {away} {40 * MIB}{lives}",
        "sadpath_memory_limit_bytes": f"{LIMIT_MIB * MIB}{lived} {away} {LIMIT_MIB * MIB}{lives}",
        "sadpath_errors_raised_total": f"0+50{lived} {away} 0+50{lives}",
    }


def mark(name: str) -> str:
    """The expression of a mark on The divergence."""
    return next(expr for board, one, expr in questions.annotations() if (board, one) == ("The divergence", name))


def figure(title: str) -> str:
    """The expression of a figure on The divergence."""
    return next(question.expr for question in questions.of_panels() if question.where == f"The divergence / {title}")
