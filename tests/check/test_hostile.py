"""`sadpath check` on a server that misbehaves: one clear line, the right status, nothing that waits for ever."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.conftest import HERE, Checked, check

pytestmark = pytest.mark.timeout(120)


def hostile(folder: Path, *arguments: str, **more: str) -> Checked:
    """Check it with a patience of half a second."""
    (folder / "quick.toml").write_text("[limits]\ntimeout_s = 0.5\nbudget_s = 10\n")
    config = ["--config", str(folder / "quick.toml"), "--memory-limit", "600MB"]
    return check(folder, *config, *arguments, "--", sys.executable, "hostile.py", str(free_port()), cwd=HERE, **more)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/hang", "1 of 1 requests were not answered: no answer within 0.5 s"),
        ("/garbage", "1 of 1 requests were not answered: BadStatusLine"),
        ("/drops", "1 of 1 requests were not answered: RemoteDisconnected"),
        ("/drip", "the answer did not end within 0.5 s"),
        ("/limited", "the service limits the rate: 2 of 2 requests were answered with 429"),
        ("/fickle", "GET /fickle 404: the same request was then answered with 200"),
    ],
)
def test_what_cannot_be_measured_is_inconclusive_and_says_why(path: str, message: str, tmp_path: Path) -> None:
    """In one line."""
    checked = hostile(tmp_path, "--request", f"GET {path}")
    assert checked.status == Status.INCONCLUSIVE
    assert message in checked.out + checked.err


def test_a_body_without_an_end_is_read_for_a_mebibyte(tmp_path: Path) -> None:
    """The path is measured."""
    assert hostile(tmp_path, "--request", "GET /endless").path("GET /endless 500")["verdict"] == "flat"


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """It is an answer as any other, since it was asked for."""
    assert hostile(tmp_path, "--request", "GET /elsewhere").path("GET /elsewhere 302")["verdict"] == "flat"


def test_a_slow_path_is_measured_with_fewer_requests(tmp_path: Path) -> None:
    """Within the budget."""
    found = hostile(tmp_path, "--request", "GET /slow").path("GET /slow 404")
    assert 10 <= found["requests"] <= 100
    assert found["first_ms"] == pytest.approx(105, abs=50)


def test_a_leak_of_megabytes_ends_at_the_memory_limit(tmp_path: Path) -> None:
    """Before the next hundred requests."""
    checked = hostile(tmp_path, "--request", "GET /fast-leak")
    assert "more than its limit of 572 MiB (--memory-limit)" in checked.out
    assert checked.summary["ended_early"]
    assert checked.summary["requests"] <= 250


def test_ten_thousand_operations_are_sampled(tmp_path: Path) -> None:
    """And the report says so."""
    checked = hostile(tmp_path, "--budget", "2", HOSTILE_OPERATIONS="10000")
    assert "/openapi.json describes 10,000 operations, of which 400 were tried, spread evenly" in checked.out
    assert len(checked.summary["paths"]) == 402
    assert "more paths; --json FILE has all" in checked.out
    assert checked.status == Status.INCONCLUSIVE


def test_paths_that_are_included_are_chosen_before_the_sample(tmp_path: Path) -> None:
    """So that they can all be tried."""
    listed = hostile(tmp_path, "--list", "--include", "/many/123?", HOSTILE_OPERATIONS="10000")
    assert {f"GET /many/123{i} 404  /many/123{i}" for i in range(10)} <= set(listed.out.splitlines())


def test_a_schema_that_is_none_is_one_line(tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "schema.json").write_text('{"hello": "world"}')
    checked = hostile(tmp_path, "--schema", str(tmp_path / "schema.json"))
    assert checked.status == Status.WRONG_COMMAND
    assert "schema.json is not an OpenAPI description: it has no paths" in checked.err
    assert "Traceback" not in checked.err


def test_without_a_schema_or_routes_the_report_says_what_to_type(tmp_path: Path) -> None:
    """What any service refuses is measured all the same."""
    checked = hostile(tmp_path)
    assert "name one with --schema, or requests with --request 'GET /users/999'" in checked.out
    assert checked.path("GET /{unknown} 404")["verdict"] == "flat"
