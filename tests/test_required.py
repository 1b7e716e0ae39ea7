"""The suite's own manners: what it does where something is not installed."""

import pytest

from tests.grafana.lab import require
from tests.interpreters import interpreter


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.mark.parametrize("environment", ["", "docker,python3.97"])
def test_what_a_newcomer_has_not_installed_is_skipped(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    """The summary names it and what to do, whatever else is required."""
    monkeypatch.setenv("SADPATH_REQUIRE", environment)
    with pytest.raises(pytest.skip.Exception, match="prometheus is not here: apt-get install prometheus"):
        require("promtool")
    with pytest.raises(pytest.skip.Exception, match=r"python3\.98 is not here: install it"):
        interpreter("3.98")


def test_where_it_is_required_a_skip_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in continuous integration, which installs what it needs."""
    monkeypatch.setenv("SADPATH_REQUIRE", "python3.98,prometheus")
    with pytest.raises(pytest.fail.Exception, match="SADPATH_REQUIRE asks for it"):
        require("prometheus")
    with pytest.raises(pytest.fail.Exception, match="SADPATH_REQUIRE asks for it"):
        interpreter("3.98")
