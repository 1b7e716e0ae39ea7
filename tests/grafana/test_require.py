"""The lab's own manners: what it does where there is no Prometheus."""

import pytest

from tests.grafana.lab import require


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def test_without_the_package_its_tests_skip_and_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer's machine need not have it."""
    monkeypatch.delenv("SADPATH_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install prometheus"):
        require("promtool")


def test_where_it_is_required_a_skip_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under .ci/run."""
    monkeypatch.setenv("SADPATH_REQUIRE", "docker,prometheus")
    with pytest.raises(pytest.fail.Exception, match="SADPATH_REQUIRE asks for it"):
        require("prometheus")
