import subprocess
from pathlib import Path

import pytest

from tests.grafana.lab import CONFIGURATION, require

RULES = sorted((CONFIGURATION.parent / "rules").glob("*.yml"))
CASES = sorted((CONFIGURATION.parent / "tests").glob("*.yml"))


def promtool(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [require("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_configuration_is_valid() -> None:
    """Its rule files are valid too."""
    result = promtool("check", "config", CONFIGURATION)
    assert result.returncode == 0, result.stderr
    assert f"{len(RULES)} rule files found" in result.stdout


def test_the_rules_are_valid() -> None:
    """Prometheus accepts each rule file."""
    result = promtool("check", "rules", *RULES)
    assert result.returncode == 0, result.stderr


def test_the_alerts_distinguish_a_leak_from_healthy_services() -> None:
    """Seven services: a leak, flat, a sawtooth, a cache that fills, cycles, one restart, a restart loop."""
    result = promtool("test", "rules", *CASES)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("condition", "without"),
    [
        ("> sadpath_memory_limit_bytes", "> 0 * sadpath_memory_limit_bytes"),
        ("(time() - process_start_time_seconds > 300)", "(time() - process_start_time_seconds > -1)"),
        ("> 10 * 2 ^ 20", "> 0"),
        ("sum by (job, instance) (rate(python_gc", "0 * sum by (job, instance) (rate(python_gc"),
        ("> 100", "> -1000"),
        ("> 2\n", "> 0\n"),
    ],
)
def test_a_rule_without_one_of_its_conditions_fails_the_tests(tmp_path: Path, condition: str, without: str) -> None:
    """This tests the tests of the rules: they need every condition."""
    (rules,), (case,) = RULES, CASES
    assert condition in rules.read_text()
    for folder, file in (("rules", rules), ("tests", case)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file.name).write_text(file.read_text().replace(condition, without))
    assert promtool("test", "rules", tmp_path / "tests" / case.name).returncode != 0
