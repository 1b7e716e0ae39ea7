"""`make dashboards-preview`, without the previewer: the pictures themselves are looked at, not tested."""

import os
import subprocess
import sys

import pytest

from tests.grafana.lab import ROOT


@pytest.mark.parametrize("previewer", ["", "no-such-previewer --fast"])
def test_without_a_previewer_it_says_how_one_is_called(previewer: str) -> None:
    """At once, and not after a minute of load."""
    command = [sys.executable, "-m", "tests.grafana.preview"]
    environment = {**os.environ, "PREVIEWER": previewer}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "PREVIEWER DASHBOARD.json PROMETHEUS_URL" in result.stderr
    assert f"PREVIEWER is {previewer or 'not set'}: no such command." in result.stderr
