"""`sadpath check` on a server that misbehaves: one clear line, the right status, nothing that waits for ever."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.conftest import HERE, Checked, check


def hostile(folder: Path, *arguments: str, **more: str) -> Checked:
    """Check it with a patience of a second."""
    (folder / "quick.toml").write_text("[limits]\ntimeout_s = 1\nbudget_s = 60\n")
    config = ["--config", str(folder / "quick.toml"), "--memory-limit", "600MB"]
    return check(folder, *config, *arguments, "--", sys.executable, "hostile.py", str(free_port()), cwd=HERE, **more)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """One check of all that can be checked."""
    paths = ("/drip", "/limited", "/fickle", "/endless", "/elsewhere", "/slow")
    requests = [word for path in paths for word in ("--request", f"GET {path}")]
    return hostile(tmp_path_factory.mktemp("odd"), *requests)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("GET /drip 500", "the answer did not end within 1 s"),
        ("GET /limited 404", "the service limits the rate: 2 of 2 requests were answered with 429"),
    ],
)
def test_what_cannot_be_measured_is_inconclusive_and_says_why(odd: Checked, path: str, reason: str) -> None:
    """In one line."""
    assert odd.path(path)["verdict"] == "inconclusive"
    assert reason in odd.path(path)["reason"]
    assert reason in odd.out + odd.err
    assert odd.status == Status.INCONCLUSIVE


def test_a_path_that_answers_otherwise_the_second_time_is_a_note(odd: Checked) -> None:
    """It is not measured."""
    assert "GET /fickle 404: the same request was then answered with 200" in odd.out


def test_a_body_without_an_end_is_read_for_a_mebibyte(odd: Checked) -> None:
    """The path is measured."""
    assert odd.path("GET /endless 500")["verdict"] == "flat"


def test_a_redirect_is_not_followed(odd: Checked) -> None:
    """It is an answer as any other, since it was asked for."""
    assert odd.path("GET /elsewhere 302")["verdict"] == "flat"


def test_a_slow_path_is_measured_with_fewer_requests(odd: Checked) -> None:
    """A round takes about a second, where a fast one has fifty requests and more."""
    slow = odd.path("GET /slow 404")
    assert slow["requests"] == 10 * slow["samples"]
    assert odd.path("GET /slow 404")["first_ms"] > 100


def test_a_service_that_does_not_answer_is_inconclusive(tmp_path: Path) -> None:
    """Nothing was measured, and the reason is a note."""
    checked = hostile(tmp_path, "--request", "GET /hang")
    assert checked.status == Status.INCONCLUSIVE
    assert "1 of 1 requests were not answered: no answer within 1 s" in checked.out


def test_a_leak_of_megabytes_ends_at_the_memory_limit(tmp_path: Path) -> None:
    """Before the next hundred requests."""
    checked = hostile(tmp_path, "--request", "GET /fast-leak")
    assert "more than its limit of 572 MiB (--memory-limit)" in checked.out
    assert checked.summary["ended_early"]
    assert checked.summary["requests"] <= 250


def test_a_thousand_operations_are_all_tried(tmp_path: Path) -> None:
    """With plain requests, whatever the budget; the report has those that it has no time for."""
    checked = hostile(tmp_path, "--budget", "2", HOSTILE_OPERATIONS="1000")
    assert "/openapi.json describes 1,000 operations" in checked.out
    assert len(checked.summary["paths"]) == 1002
    assert "more paths; --json FILE has all" in checked.out
    assert checked.status == Status.INCONCLUSIVE


def test_of_thousands_those_that_are_included_are_tried(tmp_path: Path) -> None:
    """They alone."""
    listed = hostile(tmp_path, "--list", "--include", "/many/123?", HOSTILE_OPERATIONS="3000")
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
