"""The test suite itself: what it does where something is not installed."""

import pytest

from tests.grafana.lab import require
from tests.interpreters import interpreter


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.mark.parametrize("environment", ["", "docker,python3.97"])
def test_a_test_is_skipped_where_its_program_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    """The summary names the program and how to install it, whatever else is required."""
    monkeypatch.setenv("SADPATH_REQUIRE", environment)
    with pytest.raises(pytest.skip.Exception, match="prometheus is not installed: apt-get install prometheus"):
        require("promtool")
    with pytest.raises(pytest.skip.Exception, match=r"python3\.98 is not installed: install it"):
        interpreter("3.98")


def test_a_test_fails_where_its_program_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Continuous integration installs everything, so a skip there would hide a fault."""
    monkeypatch.setenv("SADPATH_REQUIRE", "python3.98,prometheus")
    with pytest.raises(pytest.fail.Exception, match="SADPATH_REQUIRE requires it"):
        require("prometheus")
    with pytest.raises(pytest.fail.Exception, match="SADPATH_REQUIRE requires it"):
        interpreter("3.98")
