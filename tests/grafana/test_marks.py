"""The marks of restarts on The divergence, on recorded series: a kill at the memory limit is never a plain restart."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.grafana import questions
from tests.grafana.lab import require

KILLED, RESTARTED = "Killed at its memory limit", "Restarted"
MIB = 2**20
ENDED_S = 60
"""When the first process ended, in seconds: its last sample is of the second before."""


def expression(name: str) -> str:
    """The expression of one mark."""
    return next(expr for board, mark, expr in questions.annotations() if (board, mark) == ("The divergence", name))


def marked(folder: Path, name: str, *, gap_s: int, last_mib: int, after_s: int) -> bool:
    """Whether a mark is there, some seconds after a process began, `gap_s` after the one before ended.

    The memory of that one rose to `last_mib` of a limit of 256 MiB. One sample is taken each second.
    """
    began = ENDED_S + gap_s
    rising = " ".join(str(int(last_mib * MIB * second / ENDED_S)) for second in range(1, ENDED_S + 1))
    series = {
        "process_start_time_seconds": f"0x{ENDED_S - 1} _x{gap_s} {began}x60",
        "process_resident_memory_bytes": f"{rising} _x{gap_s} {40 * MIB}x60",
        "sadpath_memory_limit_bytes": f"{256 * MIB}x{ENDED_S - 1} _x{gap_s} {256 * MIB}x60",
    }
    asked = {"expr": f"count({expression(name)})", "eval_time": f"{began + after_s}s"}
    case = {
        "evaluation_interval": "1s",
        "tests": [
            {
                "interval": "1s",
                "input_series": [
                    {"series": f'{metric}{{job="lab",arm="reused",instance="reused"}}', "values": values}
                    for metric, values in series.items()
                ],
                "promql_expr_test": [{**asked, "exp_samples": [{"labels": "{}", "value": 1}]}],
            }
        ],
    }
    file = folder / "case.yml"
    file.write_text(json.dumps(case))
    command = [require("promtool"), "test", "rules", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.mark.parametrize("after_s", [1, 5, 9])
@pytest.mark.parametrize("gap_s", [1, 4, 12])
def test_a_kill_at_the_memory_limit_has_its_own_mark(gap_s: int, after_s: int, tmp_path: Path) -> None:
    """Also where the arm was away for some seconds between its last sample and its start."""
    kill = {"gap_s": gap_s, "last_mib": 250, "after_s": after_s}
    assert marked(tmp_path, KILLED, **kill)
    assert not marked(tmp_path, RESTARTED, **kill)


@pytest.mark.parametrize("after_s", [1, 9])
def test_another_restart_has_the_other_mark(after_s: int, tmp_path: Path) -> None:
    """Its memory was far from the limit."""
    restart = {"gap_s": 4, "last_mib": 120, "after_s": after_s}
    assert marked(tmp_path, RESTARTED, **restart)
    assert not marked(tmp_path, KILLED, **restart)


def test_a_mark_ends_some_seconds_after_the_start(tmp_path: Path) -> None:
    """It stands at one time."""
    assert not marked(tmp_path, KILLED, gap_s=4, last_mib=250, after_s=12)
